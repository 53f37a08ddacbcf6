package podstatus

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Probes are what probes say of containers that run, by name. One that is not in them has no probes: it is started
// and ready.
type Probes map[string]struct{ Started, Ready bool }

// IsAlive reports whether probes of a task's containers count: it runs, or is on the way, where sidecars run already that
// others wait for, and is meant to.
func IsAlive(task ecstypes.Task) bool {
	return slices.Contains([]string{running, "PENDING", "ACTIVATING"}, aws.ToString(task.LastStatus)) && aws.ToString(task.DesiredStatus) == running
}

// Probed is the status of a pod whose task is alive, with what the probes say. Of another pod the status stays as it is.
func Probed(pod *corev1.Pod, status corev1.PodStatus, probes Probes) corev1.PodStatus {
	status.InitContainerStatuses = probed(status.InitContainerStatuses, probes)
	status.ContainerStatuses = probed(status.ContainerStatuses, probes)
	disrupted := Condition(status.Conditions, corev1.DisruptionTarget)
	setConditions(pod, &status)
	if disrupted != nil {
		status.Conditions = append(status.Conditions, *disrupted)
	}
	return status
}

func probed(before []corev1.ContainerStatus, probes Probes) []corev1.ContainerStatus {
	var after []corev1.ContainerStatus
	for _, s := range before {
		if result, has := probes[s.Name]; has && s.State.Running != nil {
			s.Started, s.Ready = ptr.To(result.Started), result.Ready
		}
		after = append(after, s)
	}
	return after
}
