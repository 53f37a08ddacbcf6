package podstatus_test

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// refusals are the rules of the API server that a status breaks, coming after the pod's present one:
// pkg/apis/core/validation ValidatePodStatusUpdate of Kubernetes 1.36, and what virtual-kubelet adds (a
// final phase is the last it takes in).
func refusals(pod *corev1.Pod, next corev1.PodStatus) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if next.QOSClass != pod.Status.QOSClass {
		fault("qosClass is immutable")
	}
	for _, before := range pod.Status.ContainerStatuses {
		for _, after := range next.ContainerStatuses {
			end := before.State.Terminated
			if after.Name == before.Name && end != nil && after.State.Terminated == nil && !mayRestart(pod, end.ExitCode) {
				fault("container %s may not be transitioned to non-terminated state", after.Name)
			}
			if after.Name == before.Name && after.RestartCount < before.RestartCount {
				fault("container %s lost restarts", after.Name)
			}
		}
	}
	if len(next.PodIPs) > 0 != (next.PodIP != "") || len(next.PodIPs) > 0 && next.PodIPs[0].IP != next.PodIP {
		fault("podIP %q and podIPs %v differ", next.PodIP, next.PodIPs)
	}
	if len(next.HostIPs) > 0 && next.HostIPs[0].IP != next.HostIP {
		fault("hostIP %q and hostIPs %v differ", next.HostIP, next.HostIPs)
	}
	families := map[bool]bool{}
	for _, ip := range next.PodIPs {
		address, err := netip.ParseAddr(ip.IP)
		if err != nil || families[address.Is4()] {
			fault("podIPs %v: one valid address a family", next.PodIPs)
		}
		families[address.Is4()] = true
	}
	if final(pod.Status.Phase) && next.Phase != pod.Status.Phase {
		fault("phase %s does not follow %s", next.Phase, pod.Status.Phase)
	}
	if pod.Status.Phase == corev1.PodRunning && next.Phase == corev1.PodPending {
		fault("phase Pending does not follow Running")
	}
	for _, container := range next.ContainerStatuses {
		if final(next.Phase) && container.State.Terminated == nil {
			fault("container %s has not ended and the pod has", container.Name)
		}
	}
	return faults
}

// mayRestart is ContainerShouldRestart of pkg/api/v1/pod, without rules of single containers.
func mayRestart(pod *corev1.Pod, exitCode int32) bool {
	return pod.Spec.RestartPolicy == corev1.RestartPolicyAlways ||
		pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && exitCode != 0
}

func final(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}
