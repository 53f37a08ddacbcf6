package podstatus

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// End is the end of a container about which its log is to be asked.
type End struct {
	Container   string
	ContainerID string
	Message     string // ECS's own
}

// Unexplained are the containers of a task whose pod wants to know their last words, by kubelet's rule: those that ran,
// failed, and have terminationMessagePolicy FallbackToLogsOnError. The file of the other policy cannot be read.
func Unexplained(pod *corev1.Pod, status corev1.PodStatus, taskARN string) []End {
	var ends []End
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if !wantsLastWords(&c) {
			continue
		}
		for _, s := range slices.Concat(status.InitContainerStatuses, status.ContainerStatuses) {
			if end := lastEnd(s); s.Name == c.Name && end != nil && TaskOf(end.ContainerID) == taskARN && failed(end) {
				ends = append(ends, End{c.Name, end.ContainerID, end.Message})
			}
		}
	}
	return ends
}

func wantsLastWords(c *corev1.Container) bool {
	return c.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError
}

func lastEnd(s corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if s.State.Terminated != nil {
		return s.State.Terminated
	}
	return s.LastTerminationState.Terminated
}

// failed: a container that was never started has written nothing.
func failed(end *corev1.ContainerStateTerminated) bool {
	return end.ExitCode != 0 && end.Reason != ReasonNoStart && end.Reason != reasonUnknown
}

// Explained is the status with a message for the end of a container, and whether that is another one. Nothing of the
// status handed in is changed.
func Explained(status corev1.PodStatus, containerID, message string) (corev1.PodStatus, bool) {
	changed := false
	explain := func(before []corev1.ContainerStatus) []corev1.ContainerStatus {
		after := slices.Clone(before)
		for i := range after {
			for _, end := range []**corev1.ContainerStateTerminated{&after[i].State.Terminated, &after[i].LastTerminationState.Terminated} {
				if *end != nil && (*end).ContainerID == containerID && (*end).Message != message {
					explained := **end
					explained.Message = message
					*end, changed = &explained, true
				}
			}
		}
		return after
	}
	status.InitContainerStatuses = explain(status.InitContainerStatuses)
	status.ContainerStatuses = explain(status.ContainerStatuses)
	return status, changed
}

// remembered is an end, as ECS tells it again, with the last words that were found before.
func remembered(pod *corev1.Pod, spec *corev1.Container, end *corev1.ContainerStateTerminated) *corev1.ContainerStateTerminated {
	before := lastEnd(previous(pod, spec.Name))
	if wantsLastWords(spec) && failed(end) && before != nil && before.Message != "" && before.ContainerID == end.ContainerID && before.ExitCode == end.ExitCode {
		end.Message = before.Message
	}
	return end
}
