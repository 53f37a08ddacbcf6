package podstatus

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// endedAll is the reason of a stop that interrupts nothing: see Finished.
const endedAll = "all containers have ended"

// interrupted tells whether a container was at work when its task was stopped by request, because of a probe or of another
// container, while the pod goes on. A kubelet would have left it alone, or started it again; whatever it exits with when
// it is told to stop, its work is not done.
//
// It was at work if it is Running in the status derived last. It stays so until the task has ended, which the API server
// needs: a container that is shown to have exited with 0 may not run again under OnFailure.
func interrupted(pod *corev1.Pod, task ecstypes.Task, container string) bool {
	before := previous(pod, container)
	return pod.DeletionTimestamp == nil && before.State.Running != nil && strings.HasPrefix(before.ContainerID, taskPart(task)) &&
		aws.ToString(task.DesiredStatus) == stopped && isStoppedAtWork(task)
}

func isStoppedAtWork(task ecstypes.Task) bool {
	switch stop := awserr.Stopped(task); stop.Cause {
	case awserr.Unhealthy, awserr.StoppedByUser:
		return true
	case awserr.StoppedByUs:
		return stop.Message != awserr.StopReasonPrefix+endedAll
	}
	return false
}

// interruptedContainers are the names of those of the pod's containers that were interrupted.
func interruptedContainers(pod *corev1.Pod, task ecstypes.Task) []string {
	var names []string
	for i := range pod.Spec.Containers {
		if name := pod.Spec.Containers[i].Name; interrupted(pod, task, name) {
			names = append(names, name)
		}
	}
	return names
}
