package fargate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// tellResized records, once for each resize in place, that the pod's task keeps its size. It is called under the lock of
// the joins.
func (p *Provider) tellResized(j *join, before *corev1.Pod) {
	if equality.Semantic.DeepEqual(resourcesOf(before), resourcesOf(j.pod)) {
		return
	}
	if pending := podstatus.Condition(podstatus.Resized(j.pod, j.status).Conditions, corev1.PodResizePending); pending != nil {
		p.events.Event(j.pod, corev1.EventTypeWarning, "ResizeInfeasible", pending.Message)
	}
}

// resourcesOf are what a pod's containers ask for.
func resourcesOf(pod *corev1.Pod) (all []corev1.ResourceRequirements) {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		all = append(all, c.Resources)
	}
	return all
}
