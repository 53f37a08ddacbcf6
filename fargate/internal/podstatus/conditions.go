package podstatus

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// setConditions derives the conditions that a kubelet owns from the rest of the status.
func setConditions(pod *corev1.Pod, status *corev1.PodStatus) {
	containers := containersReady(pod, *status)
	ready := containers
	ready.Type = corev1.PodReady
	status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
		{Type: corev1.PodReadyToStartContainers, Status: boolean(status.PodIP != "" && !over(status.Phase))},
		initialized(pod, *status),
		containers,
		ready,
	}
}

// initialized is True once init containers have done their work and sidecars have started, and while a container runs,
// whatever has become of a sidecar. A pod that was refused never was.
func initialized(pod *corev1.Pod, status corev1.PodStatus) corev1.PodCondition {
	condition := corev1.PodCondition{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}
	unfinished := unfinishedInit(pod, status)
	switch {
	case status.Phase == corev1.PodFailed && len(status.ContainerStatuses) == 0:
		condition.Status = corev1.ConditionFalse
	case status.Phase == corev1.PodSucceeded:
		condition.Reason = "PodCompleted"
	case slices.ContainsFunc(status.ContainerStatuses, hasStarted): // it was once
	case len(unfinished) > 0:
		condition.Status, condition.Reason = corev1.ConditionFalse, "ContainersNotInitialized"
		condition.Message = "containers with incomplete status: [" + strings.Join(unfinished, " ") + "]"
	}
	return condition
}

func hasStarted(s corev1.ContainerStatus) bool {
	return s.State.Running != nil || s.State.Terminated != nil
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
	for i, sidecar := range status.InitContainerStatuses {
		if isSidecar(&pod.Spec.InitContainers[i]) && !sidecar.Ready {
			unready = append(unready, sidecar.Name)
		}
	}
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

// gated is a Ready condition held back by readiness gates that are not True.
func gated(gates []corev1.PodReadinessGate, conditions []corev1.PodCondition, ready corev1.PodCondition) corev1.PodCondition {
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

// For completes a status for the pod as the API server has it now: readiness gates are read from its
// conditions, and the generation is the one seen. What other writers own is not in it; who writes the
// status keeps that, and gives the conditions their times.
func For(live *corev1.Pod, ours corev1.PodStatus) corev1.PodStatus {
	ours.ObservedGeneration = live.Generation
	ours.Conditions = slices.Clone(ours.Conditions)
	for i := range ours.Conditions {
		ours.Conditions[i].ObservedGeneration = live.Generation
	}
	ready := Condition(ours.Conditions, corev1.PodReady)
	if ready != nil && ready.Status == corev1.ConditionTrue && ready.Reason != ReasonNotRun {
		*ready = gated(live.Spec.ReadinessGates, live.Status.Conditions, *ready)
	}
	return ours
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
