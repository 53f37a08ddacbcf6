package podstatus

import corev1 "k8s.io/api/core/v1"

// ReasonNotRun marks the pods of a DaemonSet that a virtual node is asked to ignore.
const ReasonNotRun = "NotRunOnFargate"

// NotRun is the status of a DaemonSet's pod that is left alone: it holds up no rollout (Ready is True)
// and pretends nothing (each container Waiting with the reason, no address, so no endpoint).
func NotRun(pod *corev1.Pod) corev1.PodStatus {
	status := Waiting(pod, ReasonNotRun, "node agents make no sense on Fargate; this pod was not started")
	ready := Condition(status.Conditions, corev1.PodReady)
	*ready = corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, Reason: ReasonNotRun}
	return status
}
