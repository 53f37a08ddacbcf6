package fargate

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// end marks a pod as to be ended and reports whether it is known. gone: its object no longer exists.
func (p *Provider) end(uid types.UID, gone bool) bool {
	var next bool
	known := p.joins.update(uid, func(j *join) {
		next = !j.deleting || j.ended           // else a stop is on its way, at the pace of its back-off
		next = next || gone && j.preStop != nil // nobody waits for its hooks any more
		j.deleting = true
		j.gone = j.gone || gone
		if j.endingSince.IsZero() {
			j.endingSince = time.Now()
		}
	})
	if next {
		p.stops.Add(uid)
	}
	return known
}

// stop is one step towards the end of a pod, or of a task that is of no more use to it: call its preStop hooks, ask ECS
// to stop the task, or find that nothing runs any more. Whatever ECS answers later comes back through TaskChanged or TaskMissing.
func (p *Provider) stop(ctx context.Context, uid types.UID) {
	j, ok := p.joins.get(uid)
	switch {
	case !ok || !j.deleting && (j.finished == "" || j.taskARN == "" || j.over):
		return
	case j.launching, j.claimed: // it comes back here when the launch is done, or ECS has told whose task it is
		return
	case j.ended || j.over || j.taskARN == "" && j.unanswered.IsZero():
		p.finish(j)
		return
	case j.taskARN == "":
		p.search(ctx, j)
		return
	case j.stopAsked, !p.preStopped(uid):
		return
	}
	p.joins.update(uid, func(j *join) { j.stopAsked = true }) // before ECS is: derive takes it back
	err := p.launcher.Stop(ctx, j.taskARN, why(j))
	switch {
	case ctx.Err() != nil:
		return // we are going; the next process stops it
	case err != nil:
		p.log.Info("stop postponed", "pod", j.name(), "task", j.taskARN, "error", err)
		p.joins.update(uid, func(j *join) { j.stopAsked = false })
		p.stops.AddRateLimited(uid)
		return
	}
	p.stops.Forget(uid)
	p.tracker.Hurry(j.taskARN)
	p.log.Info("task stopping", "pod", j.name(), "task", j.taskARN)
	p.events.Eventf(j.pod, corev1.EventTypeNormal, "Killing", "Stopping ECS task %s: %s", lastPart(j.taskARN), why(j))
}

// why a task is stopped, as ECS is told.
func why(j join) string {
	if j.deleting {
		return "the pod was deleted"
	}
	return j.finished
}

// search looks for the task of a pod that is to end and whose launch was left without an answer.
func (p *Provider) search(ctx context.Context, j join) {
	p.look(ctx)
	if now, ok := p.joins.get(j.pod.UID); ok && !now.unanswered.IsZero() {
		p.stops.AddRateLimited(j.pod.UID)
		return
	}
	p.stops.Forget(j.pod.UID)
	p.stops.Add(j.pod.UID)
}

// finish notes that nothing of a pod being deleted runs any more.
func (p *Provider) finish(j join) {
	uid := j.pod.UID
	p.joins.update(uid, func(j *join) {
		if !j.over {
			j.status = podstatus.Cancelled(j.view())
		}
		j.over, j.ended = true, true
	})
	p.launches.Forget(turnOf(j.pod))
	p.stops.Forget(uid)
	p.changed(uid)
	p.prober.Forget(uid)
	p.joins.forget(uid)
}
