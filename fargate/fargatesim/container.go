package fargatesim

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// member is a container of a task in its life.
type member struct {
	definition  *ecstypes.ContainerDefinition
	index       int           // in Task.Containers
	started     chan struct{} // closed when it runs for the first time
	healthy     chan struct{} // closed when it is healthy for the first time
	ended       chan struct{} // closed when it runs no more
	exit        *Exit         // set before ended is closed; nil: it never ran
	outOfMemory bool          // a test has ordered it; the Server's mu guards it
	kill        chan struct{} // closed by that order

	secrets map[string]string // by environment variable; set before it starts
	login   login             // that its image is pulled with; likewise

	id string // its runtime ID, and its path in the metadata endpoint
	// For the metadata endpoint; the Server's mu guards them. nil: not yet, or not any more.
	createdAt, startedAt, finishedAt, healthSince *time.Time
	gauge                                         Gauge
}

func newMember(c *ecstypes.ContainerDefinition, index int, taskID string) *member {
	return &member{definition: c, index: index, id: taskID + "-" + digits(10),
		started: make(chan struct{}), healthy: make(chan struct{}), ended: make(chan struct{}), kill: make(chan struct{})}
}

// runMember runs one container with its restarts and returns when it has ended for good.
func (s *Server) runMember(ctx, rising context.Context, t *task, m *member) {
	defer close(m.ended)
	if reason, ok := awaitDependencies(rising, t, m); !ok {
		if reason != "" {
			s.refuseStart(t, m, "CannotStartContainerError: "+reason)
		}
		return
	}
	for restart := 0; ; restart++ {
		output, err := s.openLog(t, m)
		if err != nil {
			s.fail(t, err.Error())
			return
		}
		since := now()
		spec := containerSpec(t, m.definition, restart)
		maps.Copy(spec.Environment, m.secrets)
		spec.RuntimeID = m.id
		spec.Environment[metadataVariable] = s.config.MetadataURL + "/v4/" + m.id
		spec.Stdout, spec.Stderr = output.stdout, output.stderr
		exit, ok := s.runOnce(ctx, rising, t, m, spec)
		output.close()
		if !ok {
			return
		}
		if !t.isStopping() && restarts(m.definition.RestartPolicy, exit, now().Sub(since)) {
			continue
		}
		m.exit = &exit
		s.memberEnded(t, m, exit)
		return
	}
}

// runOnce starts the container and waits for its end. ok is false if it did not start, or the Server ends.
func (s *Server) runOnce(ctx, rising context.Context, t *task, m *member, spec ContainerSpec) (exit Exit, ok bool) {
	s.told(func() { m.createdAt, m.startedAt, m.finishedAt = or(m.createdAt, ptr(now())), ptr(now()), nil })
	container, err := t.sandbox.Start(rising, spec)
	if err != nil {
		if rising.Err() == nil {
			s.refuseStart(t, m, "CannotStartContainerError: "+err.Error())
		}
		return Exit{}, false
	}
	s.update(t, func() {
		c := &t.Containers[m.index]
		c.LastStatus, c.RuntimeId = ptr(statusRunning), ptr(container.RuntimeID())
		m.gauge, _ = container.(Gauge)
	})
	if spec.Restart == 0 {
		close(m.started)
	}
	alive, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { s.terminate(alive, t, m, container) })
	beside.Go(func() { s.watchHealth(alive, t, m, container) })
	exit, err = container.Wait(ctx)
	s.told(func() { m.finishedAt, m.gauge = ptr(now()), nil })
	cancel()
	beside.Wait()
	if err != nil && ctx.Err() == nil {
		s.lose(t, m, err)
	}
	return exit, err == nil
}

// told changes what the metadata endpoint knows of a container: no new version of the task.
func (s *Server) told(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// terminate stops the container when the task stops, those that depend on it first, or when a test takes its memory.
func (s *Server) terminate(alive context.Context, t *task, m *member, container Container) {
	timeout := time.Duration(deref(or(m.definition.StopTimeout, ptr[int32](30)))) * time.Second // SDK doc: StopTimeout
	select {
	case <-alive.Done():
		return
	case <-m.kill:
		timeout = 0
	case <-t.terminating:
		for _, other := range dependents(t, m) {
			select {
			case <-alive.Done():
				return
			case <-other.ended:
			}
		}
	}
	if err := container.Stop(alive, timeout); err != nil && alive.Err() == nil {
		s.config.Log.Error("container not stopped", "task", lastPart(*t.TaskArn), "container", *m.definition.Name, "error", err)
	}
}

// OutOfMemory kills a container as the kernel does above its memory limit. It reports whether the container was there.
func (s *Server) OutOfMemory(taskARN, container string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[taskARN]
	if t == nil {
		return false
	}
	i := slices.IndexFunc(t.members, func(m *member) bool { return *m.definition.Name == container })
	if i < 0 || t.members[i].outOfMemory {
		return false
	}
	t.members[i].outOfMemory = true
	close(t.members[i].kill)
	return true
}

// refuseStart: an essential container that cannot start ends the task (developer guide: stopped task errors).
func (s *Server) refuseStart(t *task, m *member, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &t.Containers[m.index]
	c.LastStatus, c.Reason = ptr(statusStopped), ptr(cut(reason))
	s.change(t)
	if m.isEssential() {
		s.stop(t, ecstypes.TaskStopCodeTaskFailedToStart, "Task failed to start")
	}
}

// lose ends a task whose runtime no longer knows the container.
func (s *Server) lose(t *task, m *member, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &t.Containers[m.index]
	c.LastStatus, c.Reason = ptr(statusStopped), ptr(cut("CannotInspectContainerError: "+err.Error()))
	s.change(t)
	s.stop(t, ecstypes.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
}

func (m *member) isEssential() bool { return deref(or(m.definition.Essential, ptr(true))) }

// memberEnded records the end of a container, and stops the task if the container was essential.
func (s *Server) memberEnded(t *task, m *member, exit Exit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &t.Containers[m.index]
	if m.outOfMemory {
		exit = Exit{Code: 137, OOMKilled: true}
	}
	c.LastStatus, c.ExitCode = ptr(statusStopped), ptr(int32(exit.Code))
	if exit.OOMKilled {
		c.Reason = ptr("OutOfMemoryError: Container killed due to memory usage")
	}
	s.change(t)
	if m.isEssential() {
		s.stop(t, ecstypes.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
	}
}

// restarts reports whether ECS restarts a container: one that ran for the period of its policy, not shorter
// (developer guide: container restart policy).
func restarts(p *ecstypes.ContainerRestartPolicy, exit Exit, ran time.Duration) bool {
	if p == nil || !deref(p.Enabled) || slices.Contains(p.IgnoredExitCodes, int32(exit.Code)) {
		return false
	}
	return ran >= time.Duration(deref(or(p.RestartAttemptPeriod, ptr[int32](300))))*time.Second
}

// awaitDependencies waits for what dependsOn names. ok is false when the container cannot start any more; reason is
// empty if that is because the task stops.
func awaitDependencies(rising context.Context, t *task, m *member) (reason string, ok bool) {
	for _, d := range m.definition.DependsOn {
		i := slices.IndexFunc(t.members, func(o *member) bool { return *o.definition.Name == deref(d.ContainerName) })
		if reason, ok := awaitCondition(rising, t.members[i], d.Condition); !ok {
			return reason, false
		}
	}
	return "", rising.Err() == nil
}

func awaitCondition(rising context.Context, on *member, condition ecstypes.ContainerCondition) (reason string, ok bool) {
	name := *on.definition.Name
	met := on.ended
	switch condition {
	case ecstypes.ContainerConditionStart:
		met = on.started
	case ecstypes.ContainerConditionHealthy:
		met = on.healthy
	}
	timeout, cancel := startTimeout(rising, on)
	defer cancel()
	ended := false
	select {
	case <-rising.Done():
		return "", false
	case <-timeout.Done():
		return "dependency graph: container timed out: " + name, false
	case <-met:
	case <-on.ended:
		ended = true
	}
	switch {
	case condition == ecstypes.ContainerConditionSuccess && (on.exit == nil || on.exit.Code != 0):
		return "dependency graph: dependency did not succeed: " + name, false
	case ended && on.exit == nil, ended && condition == ecstypes.ContainerConditionHealthy:
		return "dependency graph: failed to resolve container ordering dependency: " + name, false
	}
	return "", true
}

// startTimeout ends when the dependency has had its time; without a startTimeout that is never.
func startTimeout(ctx context.Context, on *member) (context.Context, context.CancelFunc) {
	if seconds := deref(on.definition.StartTimeout); seconds > 0 {
		return context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	}
	return context.WithCancel(ctx)
}
