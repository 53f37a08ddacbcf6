package fargate

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// end marks a pod as to be ended and reports whether it is known. gone: its object no longer exists.
func (p *Provider) end(uid types.UID, gone bool) bool {
	known := p.joins.update(uid, func(j *join) {
		j.deleting = true
		j.gone = j.gone || gone
	})
	if known {
		p.stops.Add(uid)
	}
	return known
}

// stop is one step towards a pod's end: ask ECS to stop its task, or find that nothing runs any more.
// Whatever ECS answers later comes back through TaskChanged or TaskMissing.
func (p *Provider) stop(ctx context.Context, uid types.UID) {
	j, ok := p.joins.get(uid)
	switch {
	case !ok || !j.deleting || j.launching: // a launch under way comes back here when it is done
		return
	case j.ended || j.over || j.taskARN == "":
		p.finish(uid)
		return
	case j.stopAsked:
		return
	}
	if err := p.launcher.Stop(ctx, j.taskARN, "the pod was deleted"); err != nil {
		p.log.Info("stop postponed", "pod", j.name(), "task", j.taskARN, "error", err)
		p.stops.AddRateLimited(uid)
		return
	}
	p.stops.Forget(uid)
	p.joins.update(uid, func(j *join) { j.stopAsked = true })
	p.tracker.Hurry(j.taskARN)
	p.log.Info("task stopping", "pod", j.name(), "task", j.taskARN)
	p.events.Eventf(j.pod, corev1.EventTypeNormal, "Killing", "Stopping ECS task %s", lastPart(j.taskARN))
}

// finish notes that nothing of a pod being deleted runs any more.
func (p *Provider) finish(uid types.UID) {
	p.joins.update(uid, func(j *join) {
		if !j.over {
			j.status = podstatus.Cancelled(j.view())
		}
		j.over, j.ended = true, true
	})
	p.changed(uid)
	p.joins.forget(uid)
}
