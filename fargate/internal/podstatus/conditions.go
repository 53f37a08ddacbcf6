package podstatus

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// setConditions derives the owned conditions from the rest of the status. Their times are Merge's.
func setConditions(pod *corev1.Pod, status *corev1.PodStatus) {
	ready := containersReady(pod, *status)
	status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: boolean(status.PodIP != "" && !over(status.Phase))},
		{Type: corev1.PodInitialized, Status: boolean(status.Phase != corev1.PodFailed || len(status.ContainerStatuses) > 0)},
		ready,
		gated(pod.Spec.ReadinessGates, pod.Status.Conditions, ready),
	}
}

func over(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

func containersReady(pod *corev1.Pod, status corev1.PodStatus) corev1.PodCondition {
	condition := corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionFalse}
	switch status.Phase {
	case corev1.PodSucceeded:
		condition.Reason = "PodCompleted"
		return condition
	case corev1.PodFailed:
		condition.Reason = "PodFailed"
		return condition
	}
	var unready []string
	for _, container := range status.ContainerStatuses {
		if !container.Ready {
			unready = append(unready, container.Name)
		}
	}
	if len(unready) > 0 || len(status.ContainerStatuses) < len(pod.Spec.Containers) {
		condition.Reason = "ContainersNotReady"
		condition.Message = "containers with unready status: [" + strings.Join(unready, " ") + "]"
		return condition
	}
	condition.Status = corev1.ConditionTrue
	return condition
}

// gated is the Ready condition: the containers', held back by readiness gates that are not True.
func gated(gates []corev1.PodReadinessGate, conditions []corev1.PodCondition, containers corev1.PodCondition) corev1.PodCondition {
	ready := containers
	ready.Type = corev1.PodReady
	if ready.Status != corev1.ConditionTrue {
		return ready
	}
	var closed []string
	for _, gate := range gates {
		switch condition := Condition(conditions, gate.ConditionType); {
		case condition == nil:
			closed = append(closed, fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", gate.ConditionType))
		case condition.Status != corev1.ConditionTrue:
			closed = append(closed, fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v", gate.ConditionType, condition.Status))
		}
	}
	if len(closed) > 0 {
		ready.Status, ready.Reason, ready.Message = corev1.ConditionFalse, "ReadinessGatesNotReady", strings.Join(closed, ", ")
	}
	return ready
}

// Merge puts our status over the live one of the same pod, as the API server has it: conditions and
// fields of other writers survive, readiness gates are read from it, and a condition that changed gets
// now as its transition time. A live phase that is final stays, and all else with it.
func Merge(live *corev1.Pod, ours corev1.PodStatus, now metav1.Time) corev1.PodStatus {
	merged := *live.Status.DeepCopy()
	if over(merged.Phase) {
		return merged
	}
	merged.ObservedGeneration = live.Generation
	merged.Phase, merged.Reason, merged.Message = ours.Phase, ours.Reason, ours.Message
	merged.PodIP, merged.PodIPs = ours.PodIP, ours.PodIPs
	merged.HostIP, merged.HostIPs = ours.HostIP, ours.HostIPs
	merged.ContainerStatuses = ours.ContainerStatuses
	if merged.StartTime == nil {
		merged.StartTime = ours.StartTime
	}
	set(&merged, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, now)
	for _, condition := range ours.Conditions {
		if condition.Type == corev1.PodReady {
			if containers := Condition(ours.Conditions, corev1.ContainersReady); containers != nil && !isIgnored(condition) {
				condition = gated(live.Spec.ReadinessGates, live.Status.Conditions, *containers)
			}
		}
		set(&merged, condition, now)
	}
	return merged
}

// set replaces or adds a condition and keeps its transition time if its status stays.
func set(status *corev1.PodStatus, condition corev1.PodCondition, now metav1.Time) {
	condition.LastTransitionTime = now
	i := slices.IndexFunc(status.Conditions, func(c corev1.PodCondition) bool { return c.Type == condition.Type })
	if i < 0 {
		status.Conditions = append(status.Conditions, condition)
		return
	}
	before := status.Conditions[i]
	if before.Status == condition.Status {
		condition.LastTransitionTime = before.LastTransitionTime
	}
	condition.LastProbeTime, condition.ObservedGeneration = before.LastProbeTime, before.ObservedGeneration
	status.Conditions[i] = condition
}

// Condition returns the condition of that type, nil if there is none.
func Condition(conditions []corev1.PodCondition, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range conditions {
		if conditions[i].Type == kind {
			return &conditions[i]
		}
	}
	return nil
}

func boolean(b bool) corev1.ConditionStatus {
	if b {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}
