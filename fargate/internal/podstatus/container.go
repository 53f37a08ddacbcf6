package podstatus

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Reasons of container states, as kubelet words them.
const (
	ReasonCreating = "ContainerCreating"
	reasonDone     = "Completed"
	reasonError    = "Error"
	reasonOOM      = "OOMKilled"
	ReasonNoStart  = "StartError"
	reasonUnknown  = "ContainerStatusUnknown"

	reasonCrashLoop = "CrashLoopBackOff"

	// exit codes for containers that report none
	exitNoStart = 128
	exitUnknown = 137
)

// containerStatus is the status of one container in a task that has not ended.
func containerStatus(pod *corev1.Pod, task ecstypes.Task, spec *corev1.Container) corev1.ContainerStatus {
	status := carriedOver(pod, spec)
	container, known := find(task, spec.Name)
	last := aws.ToString(container.LastStatus)
	switch {
	case status.State.Terminated != nil: // of an earlier task, and not to run again
	case !known || task.StartedAt == nil || last != running && last != stopped:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: reasonBefore(pod), Message: progress(task)}
	case hasEnded(container) && !interrupted(pod, task, spec.Name):
		restarted(&status, task, container)
		status.State.Terminated = remembered(pod, spec, terminated(task, container))
	default:
		restarted(&status, task, container)
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: at(task.StartedAt)}
		status.Started = ptr.To(true)
		status.Ready = last == running && aws.ToString(task.LastStatus) == running && aws.ToString(task.DesiredStatus) == running
	}
	return status
}

// endedContainer is the status of one container in a task that has ended.
func endedContainer(pod *corev1.Pod, task ecstypes.Task, spec *corev1.Container) corev1.ContainerStatus {
	status := carriedOver(pod, spec)
	container, known := find(task, spec.Name)
	if !known && status.State.Terminated != nil {
		return status // of an earlier task, and not to run again
	}
	if !known {
		container.Name = &spec.Name
	}
	if container.ExitCode != nil || task.StartedAt != nil {
		restarted(&status, task, container)
	}
	status.State.Terminated = remembered(pod, spec, terminated(task, container))
	return status
}

// carriedOver is the container as it was left: restart count, last termination and the ID they belong to, and its end
// if it is not to run again.
func carriedOver(pod *corev1.Pod, spec *corev1.Container) corev1.ContainerStatus {
	before := previous(pod, spec.Name)
	status := corev1.ContainerStatus{
		Name:                 spec.Name,
		Image:                spec.Image,
		ImageID:              before.ImageID,
		ContainerID:          before.ContainerID,
		RestartCount:         before.RestartCount,
		LastTerminationState: before.LastTerminationState,
		Started:              ptr.To(false),
	}
	if end := before.State.Terminated; end != nil && isFinal(pod, spec, end) {
		status.State.Terminated = end
	}
	return status
}

// isFinal tells whether an end is one after which the container may not be shown as anything else: it exited with 0,
// and the pod's policy does not restart that. The API server holds to it, of init containers too, though these run
// again in each task.
func isFinal(pod *corev1.Pod, spec *corev1.Container, end *corev1.ContainerStateTerminated) bool {
	return !isSidecar(spec) && !restarts(pod, end.ExitCode == 0)
}

// restarted notes that the task's container is the current one, and counts a restart if another was
// before it.
func restarted(status *corev1.ContainerStatus, task ecstypes.Task, container ecstypes.Container) {
	if status.ContainerID != "" && !strings.HasPrefix(status.ContainerID, taskPart(task)) {
		status.RestartCount++
	}
	status.ContainerID = containerID(task, container)
	status.ImageID = imageID(status.Image, container)
}

// containerID is ecs://TASKARN/RUNTIMEID. ECS may report the runtime ID late: the container's name
// stands in until then, and a restart is told by the task alone.
func containerID(task ecstypes.Task, container ecstypes.Container) string {
	if id := aws.ToString(container.RuntimeId); id != "" {
		return taskPart(task) + id
	}
	return taskPart(task) + aws.ToString(container.Name)
}

func taskPart(task ecstypes.Task) string { return "ecs://" + aws.ToString(task.TaskArn) + "/" }

func imageID(image string, container ecstypes.Container) string {
	digest := aws.ToString(container.ImageDigest)
	if digest == "" {
		return ""
	}
	name, _, _ := strings.Cut(image, "@")
	return name + "@" + digest
}

// terminated is the end of a container that ECS reports STOPPED.
func terminated(task ecstypes.Task, container ecstypes.Container) *corev1.ContainerStateTerminated {
	state := &corev1.ContainerStateTerminated{
		Message:     aws.ToString(container.Reason),
		StartedAt:   at(task.StartedAt),
		FinishedAt:  at(task.ExecutionStoppedAt, task.StoppingAt, task.StoppedAt),
		ContainerID: containerID(task, container),
	}
	state.ExitCode, state.Reason = ending(task, container)
	if container.ExitCode == nil && state.Message == "" {
		state.Message = aws.ToString(task.StoppedReason)
	}
	return state
}

// hasEnded tells whether the end of a container is known. Without an exit code it is not yet, for the code follows, unless
// the container could not be started.
func hasEnded(container ecstypes.Container) bool {
	return aws.ToString(container.LastStatus) == stopped && (container.ExitCode != nil || couldNotStart(container))
}

// couldNotStart goes by ECS's names of errors: CannotStartContainerError, CannotCreateContainerError and their like.
func couldNotStart(container ecstypes.Container) bool {
	return container.ExitCode == nil && strings.HasPrefix(aws.ToString(container.Reason), "Cannot") && !unpulled(container)
}

// unpulled tells whether a container waits for its image: CannotPullContainerError, which another attempt may mend.
func unpulled(container ecstypes.Container) bool {
	return container.ExitCode == nil && strings.HasPrefix(aws.ToString(container.Reason), "CannotPull")
}

func ending(task ecstypes.Task, container ecstypes.Container) (int32, string) {
	words := aws.ToString(container.Reason)
	outOfMemory := strings.HasPrefix(words, "OutOfMemory") // "OutOfMemoryError: Container killed due to memory usage"
	switch {
	case container.ExitCode == nil && outOfMemory:
		return exitUnknown, reasonOOM
	case container.ExitCode == nil && task.StartedAt != nil && !couldNotStart(container):
		return exitUnknown, reasonUnknown // it ran, and its end was lost, with the machine perhaps
	case container.ExitCode == nil:
		return exitNoStart, ReasonNoStart
	case outOfMemory:
		return *container.ExitCode, reasonOOM
	case *container.ExitCode == 0:
		return 0, reasonDone
	default:
		return *container.ExitCode, reasonError
	}
}

// progress says how far ECS has come with a task that does not run yet.
func progress(task ecstypes.Task) string {
	switch {
	case aws.ToString(task.DesiredStatus) == stopped:
		return "Fargate ends the task"
	case aws.ToString(task.LastStatus) == "PROVISIONING":
		return "Fargate attaches a network interface"
	case task.PullStartedAt != nil && task.PullStoppedAt == nil:
		return "Fargate pulls the images"
	default:
		return "Fargate starts the task"
	}
}

func find(task ecstypes.Task, name string) (ecstypes.Container, bool) {
	for _, container := range task.Containers {
		if aws.ToString(container.Name) == name {
			return container, true
		}
	}
	return ecstypes.Container{}, false
}

func previous(pod *corev1.Pod, name string) corev1.ContainerStatus {
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if status.Name == name {
			return status
		}
	}
	return corev1.ContainerStatus{}
}

// at is the first time that is known, zero if none is; in whole seconds, as the API server keeps them.
func at(times ...*time.Time) metav1.Time {
	for _, t := range times {
		if t != nil {
			return metav1.NewTime(t.Truncate(time.Second))
		}
	}
	return metav1.Time{}
}
