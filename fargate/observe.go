package fargate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// TaskChanged derives the pod's status from a task that has changed, and what follows from its end.
func (p *Provider) TaskChanged(task ecstypes.Task) {
	arn := aws.ToString(task.TaskArn)
	uid, ok := p.joins.ofTask(arn)
	if !ok {
		return
	}
	id, _ := podid.FromTask(task)
	ours, ended := id.Owner == p.owner && id.UID == uid, podstatus.Ended(task)
	p.joins.update(uid, func(j *join) {
		switch {
		case j.taskARN != arn || j.over:
		case !ours:
			p.disown(j)
		default:
			p.derive(j, task)
		}
	})
	if ended || !ours {
		p.tracker.Forget(arn)
	}
	p.changed(uid)
}

// derive has the pod follow its task. It is called under the lock of the joins.
func (p *Provider) derive(j *join, task ecstypes.Task) {
	j.definition = definitionOf(task)
	pod := j.view()
	j.status = p.probe(j, pod, task, podstatus.FromTask(pod, task))
	if j.images == nil {
		j.images = imagesOf(task)
	}
	if !podstatus.Ended(task) {
		p.restartChanged(j)
	}
	p.tellStarted(pod, task, j.status)
	tooEarly := j.stopAsked && aws.ToString(task.DesiredStatus) == string(ecstypes.DesiredStatusRunning)
	if why := podstatus.Finished(pod, task); why != "" && j.finished == "" && !j.deleting {
		j.endFor(why, time.Now(), 0)
		p.stops.Add(j.pod.UID)
	}
	switch {
	case podstatus.Ended(task):
		forgiveMended(j)
		p.conclude(j, podstatus.Judge(pod, task), ran(task))
	case (j.deleting || j.finished != "") && (j.claimed || tooEarly): // StopTask may not know yet what RunTask has started
		j.stopAsked = false
		p.stops.Add(j.pod.UID)
	}
	j.claimed = false
	p.listen(j, aws.ToString(task.TaskArn))
}

// disown parts a pod from a task that only its annotations call its own: it gets one of its own. It is
// called under the lock of the joins.
func (p *Provider) disown(j *join) {
	p.log.Warn("annotations name the task of another", "pod", j.name(), "task", j.taskARN)
	j.taskARN, j.attempt, j.claimed, j.launched, j.finished = "", 0, false, nil, ""
	if j.deleting {
		p.stops.Add(j.pod.UID)
		return
	}
	p.launches.Add(turnOf(j.pod))
}

// reunite joins a task to its pod if that has none, because the launch was left without an answer, and
// reports whether it did.
func (p *Provider) reunite(task ecstypes.Task) bool {
	id, ok := podid.FromTask(task)
	if !ok || id.Owner != p.owner {
		return false
	}
	joined := p.join(id.UID, task, func(j *join) bool {
		return j.taskARN == "" && j.attempt == id.Attempt && !j.launching && !j.over
	})
	if joined {
		p.log.Info("task found", "pod", id.Namespace+"/"+id.Name, "task", aws.ToString(task.TaskArn), "attempt", id.Attempt)
	}
	return joined
}

// join makes a task the one that runs the pod, if the pod wants it, and reports whether it does.
func (p *Provider) join(uid types.UID, task ecstypes.Task, wants func(*join) bool) (joined bool) {
	arn := aws.ToString(task.TaskArn)
	p.joins.update(uid, func(j *join) {
		if joined = wants(j); !joined {
			return
		}
		j.attach(arn)
		j.definition = definitionOf(task)
		pod := j.view()
		j.status = p.probe(j, pod, task, podstatus.FromTask(pod, task))
		p.launches.Forget(turnOf(j.pod))
	})
	if joined {
		p.tracker.Watch(arn)
		p.changed(uid)
		p.tracker.Observe(task)
	}
	return joined
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
		j.status, j.claimed, j.alive = podstatus.Missing(pod), false, false
		p.prober.Forget(uid) // its address may be another's by now
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
	j.preStop.abandon()
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
	if left := time.Until(j.quietUntil); j.listening > 0 && left > 0 {
		p.changes.AddAfter(uid, left) // again, for the queue keeps but the earliest time; hear may come back to it before
		return
	}
	live, err := p.pods.Pods(j.pod.Namespace).Get(j.pod.Name)
	if err != nil || live.UID != uid {
		return // nobody is left to be told
	}
	// Without the spec, which is not ours to tell: virtual-kubelet keeps what it is told as long as the pod is there.
	pod := &corev1.Pod{TypeMeta: live.TypeMeta, ObjectMeta: *live.ObjectMeta.DeepCopy(), Status: podstatus.For(live, podstatus.Resized(live, j.status))}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	j.annotate(pod.Annotations)
	(*tell)(pod)
}
