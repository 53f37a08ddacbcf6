package podstatus

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Ran is one run of a container: whose log it is, and whether it grows.
type Ran struct {
	TaskARN  string
	Over     bool
	Finished time.Time // of what is over; zero: nobody knows when
}

// LastRun returns the run whose log is meant by the container's name, or with before the one before
// it. The error, worded as kubelet words it, is the asker's: there is no such log, or not yet.
func LastRun(pod *corev1.Pod, container string, before bool) (Ran, error) {
	status := previous(pod, container)
	last := status.LastTerminationState.Terminated
	switch {
	case before && (last == nil || last.ContainerID == ""):
		return Ran{}, fmt.Errorf("previous terminated container %q in pod %q not found", container, pod.Name)
	case before:
		return ranUntil(last), nil
	case status.State.Running != nil:
		return Ran{TaskARN: TaskOf(status.ContainerID)}, nil
	case status.State.Terminated != nil && status.State.Terminated.ContainerID != "":
		return ranUntil(status.State.Terminated), nil
	case last != nil && last.ContainerID != "":
		return ranUntil(last), nil
	case status.State.Terminated != nil:
		return Ran{}, fmt.Errorf("container %q in pod %q is terminated", container, pod.Name)
	case status.State.Waiting != nil:
		return Ran{}, fmt.Errorf("container %q in pod %q is waiting to start: %s", container, pod.Name, why(status.State.Waiting.Reason))
	default:
		return Ran{}, fmt.Errorf("container %q in pod %q is waiting to start - no logs yet", container, pod.Name)
	}
}

func why(reason string) string {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff":
		return "trying and failing to pull image"
	}
	return reason
}

func ranUntil(state *corev1.ContainerStateTerminated) Ran {
	return Ran{TaskARN: TaskOf(state.ContainerID), Over: true, Finished: state.FinishedAt.Time}
}

// IsSameRun reports whether two IDs are those of one container in one task; its runtime ID may be known late.
func IsSameRun(containerID, other string) bool {
	return containerID != "" && TaskOf(containerID) == TaskOf(other)
}

// TaskOf cuts ecs://TASKARN/RUNTIMEID.
func TaskOf(containerID string) string {
	arn := strings.TrimPrefix(containerID, "ecs://")
	return arn[:max(strings.LastIndex(arn, "/"), 0)]
}
