package fargate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// TaskChanged derives the pod's status from a task that has changed, and what follows from its end.
func (p *Provider) TaskChanged(task ecstypes.Task) {
	arn := aws.ToString(task.TaskArn)
	uid, ok := p.joins.ofTask(arn)
	if !ok {
		return
	}
	ended := podstatus.Ended(task)
	p.joins.update(uid, func(j *join) {
		if j.taskARN != arn || j.over {
			return
		}
		j.definition = definitionOf(task)
		pod := j.view()
		j.status = podstatus.FromTask(pod, task)
		if ended {
			p.conclude(j, podstatus.Judge(pod, task), ran(task))
		}
	})
	if ended {
		p.tracker.Forget(arn)
	}
	p.changed(uid)
}

// TaskMissing derives the status of a pod whose task ECS has lost sight of.
func (p *Provider) TaskMissing(arn string) {
	uid, ok := p.joins.ofTask(arn)
	if !ok {
		return
	}
	p.joins.update(uid, func(j *join) {
		if j.taskARN != arn || j.over {
			return
		}
		p.log.Info("task is missing", "pod", j.name(), "task", arn)
		pod := j.view()
		j.status = podstatus.Missing(pod)
		p.conclude(j, podstatus.JudgeMissing(pod), 0)
	})
	p.changed(uid)
}

// ran is how long the task's containers ran.
func ran(task ecstypes.Task) time.Duration {
	if task.StartedAt == nil || task.ExecutionStoppedAt == nil {
		return 0
	}
	return task.ExecutionStoppedAt.Sub(*task.StartedAt)
}

// conclude draws the consequence of a task's end. It is called under the lock of the joins.
func (p *Provider) conclude(j *join, verdict podstatus.Verdict, ran time.Duration) {
	p.log.Info("task ended", "pod", j.name(), "task", j.taskARN, "reason", verdict.Reason, "message", verdict.Message)
	switch {
	case j.deleting:
		j.over, j.ended = true, true
		p.stops.Add(j.pod.UID)
	case verdict.Action == podstatus.Finish:
		j.over = true
	default:
		p.again(j, verdict, ran)
	}
}

// notify sends a pod's newest status to virtual-kubelet, over the object as the API server has it. One
// worker at a time serves a pod, so statuses keep their order.
func (p *Provider) notify(_ context.Context, uid types.UID) {
	j, ok := p.joins.get(uid)
	if !ok || p.notifyPod == nil {
		return
	}
	live, err := p.pods.Pods(j.pod.Namespace).Get(j.pod.Name)
	if err != nil || live.UID != uid {
		return // nobody is left to be told
	}
	pod := live.DeepCopy()
	pod.Status = podstatus.Merge(live, j.status, metav1.NewTime(time.Now().Truncate(time.Second)))
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	j.annotate(pod.Annotations)
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = nil, nil
	if told(j, live, pod) {
		return
	}
	p.joins.update(uid, func(j *join) { j.notified, j.notifiedVersion = &pod.Status, live.ResourceVersion })
	p.notifyPod(pod)
}

// told reports whether this status needs no telling: the API server has it, or it was sent for this
// very version of the object and is on its way.
func told(j join, live, pod *corev1.Pod) bool {
	if sameStatus(live.Status, pod.Status) && equality.Semantic.DeepEqual(live.Annotations, pod.Annotations) {
		return true
	}
	return j.notified != nil && j.notifiedVersion == live.ResourceVersion && sameStatus(*j.notified, pod.Status)
}

// sameStatus compares without the times of conditions, which follow from the rest.
func sameStatus(a, b corev1.PodStatus) bool {
	return equality.Semantic.DeepEqual(timeless(a), timeless(b))
}

func timeless(status corev1.PodStatus) corev1.PodStatus {
	conditions := make([]corev1.PodCondition, len(status.Conditions))
	for i, condition := range status.Conditions {
		condition.LastTransitionTime = metav1.Time{}
		conditions[i] = condition
	}
	status.Conditions = conditions
	return status
}
