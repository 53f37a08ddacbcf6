package fargatesim

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// task is a task from RunTask until it is forgotten.
type task struct {
	ecstypes.Task // as DescribeTasks shows it, tags included
	cluster       *cluster
	definition    *definition
	members       []*member // its containers in the order of the definition
	subnet        *subnet
	groups        []string
	public        bool
	eni           *networkInterface // nil: none yet, or none any more
	address       netip.Addr
	sandbox       Sandbox              // nil: none; belongs to the goroutine of live, and those that it starts and waits for
	volume        *volume              // nil: none
	fileSystems   map[string]*EFSMount // by name of the volume; set before a container starts
	stopping      chan struct{}        // closed when the desired status becomes STOPPED
	terminating   chan struct{}        // closed when the containers get their stop signals
	steps         []Step
}

func (t *task) isStopping() bool {
	select {
	case <-t.stopping:
		return true
	default:
		return false
	}
}

// Step is one version of a task.
type Step struct {
	Version                   int64
	LastStatus, DesiredStatus string
	At                        time.Time
}

// Steps returns the versions that a task has gone through, oldest first; nil for a task that is not known.
func (s *Server) Steps(taskARN string) []Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tasks[taskARN]; t != nil {
		return slices.Clone(t.steps)
	}
	return nil
}

// States of a task in their order (developer guide: task lifecycle).
const (
	statusProvisioning   = "PROVISIONING"
	statusPending        = "PENDING"
	statusActivating     = "ACTIVATING"
	statusRunning        = "RUNNING"
	statusDeactivating   = "DEACTIVATING"
	statusStopping       = "STOPPING"
	statusDeprovisioning = "DEPROVISIONING"
	statusStopped        = "STOPPED"
)

var statusOrder = []string{statusProvisioning, statusPending, statusActivating, statusRunning,
	statusDeactivating, statusStopping, statusDeprovisioning, statusStopped}

func isBefore(a, b string) bool { return slices.Index(statusOrder, a) < slices.Index(statusOrder, b) }

// change is called after each change of a task, with mu held: a new version of it exists.
func (s *Server) change(t *task) {
	t.Version++
	t.steps = append(t.steps, Step{t.Version, *t.LastStatus, *t.DesiredStatus, now()})
	if s.config.Changed != nil {
		s.config.Changed(clone(t.Task))
	}
	s.announce()
}

// forget drops what AWS no longer shows.
func (s *Server) forget() {
	s.order = slices.DeleteFunc(s.order, func(t *task) bool {
		old := t.StoppedAt != nil && now().Sub(*t.StoppedAt) >= s.config.Retention
		if old {
			delete(s.tasks, *t.TaskArn)
		}
		return old
	})
	s.forgetDeleted()
	s.forgetLaunches()
}

// find returns the task of a cluster by ID or ARN, or nil.
func (s *Server) find(c *cluster, idOrARN string) *task {
	if !strings.HasPrefix(idOrARN, "arn:") {
		idOrARN = s.taskARN(c, idOrARN)
	}
	if t := s.tasks[idOrARN]; t != nil && t.cluster == c {
		return t
	}
	return nil
}

func (s *Server) taskARN(c *cluster, id string) string {
	return s.arn("ecs", "task/"+*c.ClusterName+"/"+id)
}

const maxDescribe = 100 // tasks a call; API reference: DescribeTasks

func (s *Server) describeTasks(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	switch n := len(in.Tasks); {
	case n == 0:
		return nil, invalidParameter("Tasks cannot be empty.")
	case n > maxDescribe:
		return nil, invalidParameter("Too many tasks: %d given, at most %d are allowed.", n, maxDescribe)
	}
	out := &ecs.DescribeTasksOutput{Tasks: []ecstypes.Task{}, Failures: []ecstypes.Failure{}}
	for _, name := range in.Tasks {
		t := s.find(c, name)
		if t == nil || now().Sub(*t.CreatedAt) < s.config.Lag.Describe {
			out.Failures = append(out.Failures, s.missing("task/"+*c.ClusterName, name))
			continue
		}
		out.Tasks = append(out.Tasks, s.shown(t, slices.Contains(in.Include, ecstypes.TaskFieldTags)))
	}
	return out, nil
}

// shown is a task as an answer shows it.
func (s *Server) shown(t *task, tags bool) ecstypes.Task {
	out := clone(t.Task)
	if !tags {
		out.Tags = []ecstypes.Tag{}
	}
	for _, name := range s.foreigners {
		out.Containers = append(out.Containers, ecstypes.Container{
			ContainerArn: ptr(s.arn("ecs", "container/"+lastPart(*t.TaskArn)+"/"+name)), TaskArn: t.TaskArn,
			Name: ptr(name), LastStatus: ptr(memberStatus(*t.LastStatus)), HealthStatus: ecstypes.HealthStatusUnknown,
			NetworkInterfaces: []ecstypes.NetworkInterface{}, Cpu: ptr("0"),
		})
	}
	return out
}

// memberStatus is the state of a container in a task of that state.
func memberStatus(taskStatus string) string {
	switch {
	case isBefore(taskStatus, statusRunning):
		return statusPending
	case isBefore(taskStatus, statusDeprovisioning):
		return statusRunning
	}
	return statusStopped
}

func (s *Server) listTasks(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if err := checkListTasks(in); err != nil {
		return nil, err
	}
	desired := string(or(in.DesiredStatus, ecstypes.DesiredStatusRunning))
	var arns []string
	for _, t := range s.order {
		if t.cluster == c && *t.DesiredStatus == desired && now().Sub(*t.CreatedAt) >= s.config.Lag.List &&
			(in.Family == nil || *in.Family == *t.definition.Family) &&
			(in.StartedBy == nil || *in.StartedBy == deref(t.StartedBy)) &&
			(in.LaunchType == "" || in.LaunchType == t.LaunchType) {
			arns = append(arns, *t.TaskArn)
		}
	}
	arns, next, err := page(arns, byName, in.MaxResults, in.NextToken)
	return &ecs.ListTasksOutput{TaskArns: arns, NextToken: next}, err
}

// checkListTasks refuses filters that there is nothing to apply to, and startedBy with another filter:
// "the only filter that you can use with startedBy is none" (SDK doc: ListTasksInput.StartedBy).
func checkListTasks(in *ecs.ListTasksInput) error {
	switch {
	case in.ServiceName != nil:
		return newError("ServiceNotFoundException", "Service not found.")
	case in.ContainerInstance != nil:
		return invalidParameter("Fargate has no container instances.")
	case in.DaemonName != nil:
		return invalidParameter("There is no daemon of the name %s.", *in.DaemonName)
	case in.StartedBy != nil && (in.Family != nil || in.DesiredStatus != "" || in.LaunchType != ""):
		return invalidParameter("When you specify startedBy, it must be the only filter.")
	}
	return nil
}

func (s *Server) stopTask(in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	t := s.find(c, *in.Task)
	if t == nil {
		return nil, invalidParameter("The referenced task was not found.")
	}
	if len(deref(in.Reason)) > 1024 { // developer guide: the reason of a container and a task
		return nil, invalidParameter("reason has more than 1024 characters.")
	}
	t.Tags = []ecstypes.Tag{} // API reference: StopTask deletes them
	s.stop(t, ecstypes.TaskStopCodeUserInitiated, or(deref(in.Reason), "Task stopped by user"))
	return &ecs.StopTaskOutput{Task: ptr(s.shown(t, false))}, nil
}

// stop lets a task stop for a reason, and reports whether it was not stopping yet: the first reason stays.
// The caller holds mu.
func (s *Server) stop(t *task, code ecstypes.TaskStopCode, reason string) bool {
	if *t.DesiredStatus == statusStopped {
		return false
	}
	t.DesiredStatus, t.StopCode, t.StoppedReason, t.StoppingAt = ptr(statusStopped), code, &reason, ptr(now())
	close(t.stopping)
	s.change(t)
	s.config.Log.Info("task stops", "task", lastPart(*t.TaskArn), "code", string(code), "reason", reason)
	return true
}
