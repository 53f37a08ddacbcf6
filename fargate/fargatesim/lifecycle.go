package fargatesim

import (
	"context"
	"slices"
	"sync"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// live takes a task from PROVISIONING to STOPPED. It returns earlier only when ctx, Run's, ends: then the containers
// are gone, but the task's states stay as they were.
func (s *Server) live(ctx context.Context, t *task) {
	rising, cancel := context.WithCancel(ctx) // ends when the task has to stop
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-t.stopping:
		case <-rising.Done():
		}
		cancel()
	})
	var descent sync.WaitGroup
	descent.Go(func() { s.descend(ctx, t) })

	if s.provision(rising, t) && s.pull(rising, t) {
		s.runMembers(ctx, rising, t)
	}
	descent.Wait()
	s.deprovision(ctx, t)
}

// update changes a task and its version, unless nothing changed.
func (s *Server) update(t *task, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.change(t)
}

// rise moves a task that shall run to a later state. It reports false once the task has to stop.
func (s *Server) rise(t *task, status string, change func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *t.DesiredStatus == statusStopped {
		return false
	}
	t.LastStatus = &status
	change()
	s.change(t)
	return true
}

// fail stops a task that could not start.
func (s *Server) fail(t *task, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop(t, ecstypes.TaskStopCodeTaskFailedToStart, reason)
}

// runMembers runs the containers and returns when all have ended.
func (s *Server) runMembers(ctx, rising context.Context, t *task) {
	var members sync.WaitGroup
	for _, m := range t.members {
		members.Go(func() { s.runMember(ctx, rising, t, m) })
	}
	if allStarted(rising, t) {
		s.rise(t, statusRunning, func() { t.StartedAt = ptr(now()) })
	}
	members.Wait()
}

// allStarted waits until each container runs or has ended already. False: the task has to stop.
func allStarted(ctx context.Context, t *task) bool {
	for _, m := range t.members {
		select {
		case <-ctx.Done():
			return false
		case <-m.started:
		case <-m.ended:
		}
	}
	return true
}

// descend moves a task that has to stop towards its end, and tells its containers.
func (s *Server) descend(ctx context.Context, t *task) {
	select {
	case <-ctx.Done():
		return
	case <-t.stopping:
	}
	if s.fall(t, statusDeactivating) && wait(ctx, s.config.Delays.Deactivating) {
		s.fall(t, statusStopping)
		wait(ctx, s.config.Delays.Stopping)
	}
	close(t.terminating)
}

// fall moves a task to a later state on the way down. A task without a network yet has nothing to deactivate.
func (s *Server) fall(t *task, status string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *t.LastStatus == statusProvisioning {
		return false
	}
	t.LastStatus = &status
	s.change(t)
	return true
}

// dependents are the containers that depend on m.
func dependents(t *task, m *member) []*member {
	return slices.DeleteFunc(slices.Clone(t.members), func(other *member) bool {
		return !slices.ContainsFunc(other.definition.DependsOn, func(d ecstypes.ContainerDependency) bool {
			return deref(d.ContainerName) == *m.definition.Name
		})
	})
}
