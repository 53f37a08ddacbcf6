package fargate

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// tellStarted records, as kubelet does, which containers have started since the status before, and with the first of a
// task how long its images took.
func (p *Provider) tellStarted(pod *corev1.Pod, task ecstypes.Task, after corev1.PodStatus) {
	known := startedIn(pod.Status, task)
	first := len(known) == 0
	for _, name := range startedIn(after, task) {
		if slices.Contains(known, name) {
			continue
		}
		if first && task.PullStartedAt != nil && task.PullStoppedAt != nil {
			took := task.PullStoppedAt.Sub(*task.PullStartedAt).Round(time.Millisecond)
			p.events.Eventf(pod, corev1.EventTypeNormal, "Pulled", "Successfully pulled the task's images in %v", took)
		}
		first = false
		p.events.Event(refTo(pod, name), corev1.EventTypeNormal, "Started", "Container started")
	}
}

// startedIn names the containers that run in a task, or have run.
func startedIn(status corev1.PodStatus, task ecstypes.Task) (names []string) {
	for _, s := range slices.Concat(status.InitContainerStatuses, status.ContainerStatuses) {
		ran := s.State.Terminated != nil && s.State.Terminated.Reason != podstatus.ReasonNoStart
		if podstatus.TaskOf(s.ContainerID) == aws.ToString(task.TaskArn) && (s.State.Running != nil || ran) {
			names = append(names, s.Name)
		}
	}
	return names
}
