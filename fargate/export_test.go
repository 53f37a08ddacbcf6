package fargate

import corev1 "k8s.io/api/core/v1"

// Retries is how many retries of its launch and its stop are remembered of a pod.
func (p *Provider) Retries(pod *corev1.Pod) int {
	return p.launches.NumRequeues(turnOf(pod)) + p.stops.NumRequeues(pod.UID)
}
