package fargate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
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

// notify sends a pod's newest status to virtual-kubelet; vknode writes what differs from what the API
// server has. One worker at a time serves a pod, so statuses keep their order.
func (p *Provider) notify(_ context.Context, uid types.UID) {
	j, ok := p.joins.get(uid)
	tell := p.notifyPod.Load()
	if !ok || tell == nil {
		return // NotifyPods comes back to those that change before it
	}
	live, err := p.pods.Pods(j.pod.Namespace).Get(j.pod.Name)
	if err != nil || live.UID != uid {
		return // nobody is left to be told
	}
	pod := live.DeepCopy()
	pod.Status = podstatus.For(live, j.status)
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	j.annotate(pod.Annotations)
	(*tell)(pod)
}
