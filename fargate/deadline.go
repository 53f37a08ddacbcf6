package fargate

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// deadlineOf is when the pod has had its time, all attempts and waits together; zero: it may take for ever. It follows
// from the API server's object alone, so that it outlives the process.
func deadlineOf(j *join) time.Time {
	seconds, start := j.pod.Spec.ActiveDeadlineSeconds, j.status.StartTime
	if seconds == nil || start == nil {
		return time.Time{}
	}
	return start.Add(time.Duration(*seconds) * time.Second)
}

// watchDeadline has a pod's deadline looked after from now on, if it has any. Under the lock of the joins.
func (p *Provider) watchDeadline(j *join) {
	if at := deadlineOf(j); !at.IsZero() && !j.over {
		p.deadlines.AddAfter(j.pod.UID, time.Until(at))
	}
}

// expire fails a pod whose deadline has passed, and has its task stopped first.
func (p *Provider) expire(ctx context.Context, uid types.UID) {
	j, known := p.joins.get(uid)
	if !known {
		return
	}
	if time.Until(deadlineOf(&j)) <= 0 && !j.over && !j.deleting && !p.settled(ctx, uid) {
		p.deadlines.AddAfter(uid, settleRetry)
		return
	}
	p.joins.update(uid, func(j *join) {
		at := deadlineOf(j)
		switch {
		case at.IsZero() || j.over || j.deleting || j.held:
			return
		case time.Until(at) > 0: // it has got more time
			p.deadlines.AddAfter(uid, time.Until(at))
			return
		case j.launching || j.finished != "" || j.taskARN == "" && !j.unanswered.IsZero():
			p.deadlines.AddAfter(uid, settleRetry)
			return
		}
		p.events.Event(j.pod, corev1.EventTypeNormal, "DeadlineExceeded", podstatus.MessageDeadline)
		if j.taskARN == "" {
			j.status, j.over = podstatus.Expired(j.view()), true
			return
		}
		j.endFor(awserr.StopDeadline+podstatus.MessageDeadline, at, 0)
		p.stops.Add(uid)
	})
	p.changed(uid)
}
