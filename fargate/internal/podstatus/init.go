package podstatus

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/healthcheck"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// reasonInitializing is kubelet's word for containers that wait for init containers.
const reasonInitializing = "PodInitializing"

// reasonBefore is what containers wait for that have not started yet.
func reasonBefore(pod *corev1.Pod) string {
	if len(pod.Spec.InitContainers) > 0 {
		return reasonInitializing
	}
	return ReasonCreating
}

// reasonFailedMount is kubelet's word for volumes that are not as they should be.
const reasonFailedMount = "FailedMount"

// unfilled says how a container failed that fills the pod's volumes; "": none has.
func unfilled(task ecstypes.Task) string {
	for _, c := range task.Containers {
		if name := aws.ToString(c.Name); podid.Fills(name) && aws.ToInt32(c.ExitCode) != 0 {
			return fmt.Sprintf("the pod's volumes could not be filled: container %s exited with %d; its log says why", name, *c.ExitCode)
		}
	}
	return ""
}

// isSidecar tells whether an init container runs beside the containers, and not before them.
func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// initStatus is the status of one init container in a task that has not ended. ECS tells their states while the task
// is not RUNNING yet, but not when each began: the pull's end stands in.
func initStatus(pod *corev1.Pod, task ecstypes.Task, spec *corev1.Container) corev1.ContainerStatus {
	status := carriedOver(pod, spec)
	container, known := find(task, spec.Name)
	last := aws.ToString(container.LastStatus)
	switch {
	case known && hasEnded(container):
		restarted(&status, task, container)
		status.State = corev1.ContainerState{Terminated: remembered(pod, spec, terminated(task, container))}
		status.Ready = status.State.Terminated.ExitCode == 0 && !isSidecar(spec)
	case status.State.Terminated != nil: // it runs once more, and may not be shown so
		status.Ready = true
	case known && last == running:
		restarted(&status, task, container)
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: at(task.PullStoppedAt, task.CreatedAt)}
		up := isSidecar(spec) && !isWatchedAtStart(spec)
		status.Started, status.Ready = ptr.To(up), up
	default:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonInitializing, Message: progress(task)}
	}
	return status
}

// isWatchedAtStart tells whether a container has more to do before it counts as started than to run: Probed says when that
// is done.
func isWatchedAtStart(spec *corev1.Container) bool {
	return spec.StartupProbe != nil || spec.Lifecycle != nil && spec.Lifecycle.PostStart != nil
}

// endedInit is the status of one init container in a task that has ended.
func endedInit(pod *corev1.Pod, task ecstypes.Task, spec *corev1.Container) corev1.ContainerStatus {
	container, known := find(task, spec.Name)
	if status := carriedOver(pod, spec); container.ExitCode == nil && (!known || status.State.Terminated != nil) {
		return waitingUnlessEnded(status, task)
	}
	if unpulled(container) {
		status := carriedOver(pod, spec)
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: inBackOff("ErrImagePull"), Message: *container.Reason}}
		return status
	}
	if container.ExitCode == nil && !ranAtAll(container) || heldBack(pod, task, spec) {
		return waitingUnlessEnded(carriedOver(pod, spec), task)
	}
	status := endedContainer(pod, task, spec)
	status.Ready = status.State.Terminated.ExitCode == 0 && !isSidecar(spec)
	return status
}

// waitingUnlessEnded is an init container whose turn had not come when the task ended.
func waitingUnlessEnded(status corev1.ContainerStatus, task ecstypes.Task) corev1.ContainerStatus {
	if status.State.Terminated == nil {
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonInitializing, Message: progress(task)}
	}
	return status
}

func ranAtAll(container ecstypes.Container) bool {
	return container.RuntimeId != nil || couldNotStart(container)
}

// heldBack tells whether a container never ran because something before it failed. What ECS says of it then, an exit
// code of 143 or that its dependencies did not succeed, would blame the wrong one.
func heldBack(pod *corev1.Pod, task ecstypes.Task, spec *corev1.Container) bool {
	container, known := find(task, spec.Name)
	failed := failedInit(pod, task)
	return known && container.RuntimeId == nil && (failed != nil && failed.Name != spec.Name || unfilled(task) != "")
}

// failedInit is the first init container that keeps those after it waiting for ever: it could not be started, it has ended
// and has not done its work, or it is a sidecar that has ended before its startup probe had succeeded, which is the health
// check that taskdef has the others wait for. One whose image cannot be pulled has not failed, for that is tried again
// whatever the policy. nil: none has.
func failedInit(pod *corev1.Pod, task ecstypes.Task) *corev1.Container {
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		container, _ := find(task, c.Name)
		failed := aws.ToInt32(container.ExitCode) != 0
		if isSidecar(c) {
			failed = healthcheck.Of(c).Startup != nil && container.ExitCode != nil && container.RuntimeId != nil && !passed(pod, task, i)
		}
		if failed || hasEnded(container) && couldNotStart(container) {
			return c
		}
	}
	return nil
}

// passed tells whether something that comes after an init container has run.
func passed(pod *corev1.Pod, task ecstypes.Task, i int) bool {
	return slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers[i+1:], pod.Spec.Containers), func(c corev1.Container) bool {
		container, _ := find(task, c.Name)
		return container.RuntimeId != nil
	})
}

// unfinishedInit names the init containers that have not done their work: those that have not exited with 0, and
// sidecars that have not started.
func unfinishedInit(pod *corev1.Pod, status corev1.PodStatus) []string {
	var names []string
	for i := range pod.Spec.InitContainers {
		c, s := &pod.Spec.InitContainers[i], corev1.ContainerStatus{}
		if i < len(status.InitContainerStatuses) {
			s = status.InitContainerStatuses[i]
		}
		if done := s.Ready && !isSidecar(c) || isSidecar(c) && ptr.Deref(s.Started, false); !done {
			names = append(names, c.Name)
		}
	}
	return names
}
