package podstatus

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// Resized adds to a status, for the pod as the API server has it now, the condition that kubelet has for a resize in place
// which the node cannot carry out: a task keeps its size. Between two tasks there is nothing to resize, and the next one
// has the new size. Nothing of the status handed in is changed.
func Resized(live *corev1.Pod, status corev1.PodStatus) corev1.PodStatus {
	status.Conditions = slices.DeleteFunc(slices.Clone(status.Conditions), func(c corev1.PodCondition) bool { return c.Type == corev1.PodResizePending })
	if resized := runningOtherwise(live, status); len(resized) > 0 {
		status.Conditions = append(status.Conditions, corev1.PodCondition{
			Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: corev1.PodReasonInfeasible,
			Message: "a Fargate task cannot be resized: containers [" + strings.Join(resized, " ") +
				"] keep the resources they were started with; delete the pod and have it made with the new ones",
		})
	}
	return status
}

// runningOtherwise are the containers that run with other resources than the pod asks for now.
func runningOtherwise(pod *corev1.Pod, status corev1.PodStatus) (names []string) {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, s := range slices.Concat(status.InitContainerStatuses, status.ContainerStatuses) {
			if s.Name == c.Name && s.State.Running != nil && s.Resources != nil && !equality.Semantic.DeepEqual(*s.Resources, c.Resources) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}
