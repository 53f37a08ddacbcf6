package fargate

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/tracker"
)

// settleRetry is how soon a pod is asked after again of which it is not known whether it has a task.
const settleRetry = time.Second

// settled reports whether it is known that a pod has a task, or has none: what is to become of it without one depends on
// that. A launch that was left without an answer is looked for as soon as ECS must show what came of it.
func (p *Provider) settled(ctx context.Context, uid types.UID) bool {
	j, ok := p.joins.get(uid)
	if !ok || j.unanswered.IsZero() {
		return true
	}
	if j.launching || time.Since(j.unanswered) < tracker.Consistency {
		return false
	}
	p.look(ctx)
	j, ok = p.joins.get(uid)
	return !ok || j.unanswered.IsZero()
}

// look joins the tasks of this node to pods whose launches were left without an answer. That one has no task is known
// once ECS has shown none for as long as it may be behind. One look serves all.
func (p *Provider) look(ctx context.Context) {
	began := time.Now()
	tasks, err := p.tracker.List(ctx, p.owner.StartedBy())
	if err != nil {
		p.log.Info("look for the tasks of unanswered launches postponed", "error", err)
		return
	}
	shown := map[types.UID]int{} // the newest attempt
	for _, task := range tasks {
		p.reunite(task)
		if id, ok := podid.FromTask(task); ok && id.Owner == p.owner {
			shown[id.UID] = max(shown[id.UID], id.Attempt)
		}
	}
	for _, j := range p.joins.list(func(j *join) bool { return !j.unanswered.IsZero() }) {
		p.joins.update(j.pod.UID, func(j *join) {
			attempt, found := shown[j.pod.UID] // and still not joined: a launch was under way, which tells
			if !j.launching && !(found && attempt >= j.attempt) && began.Sub(j.unanswered) >= tracker.Consistency {
				j.unanswered = time.Time{}
			}
		})
	}
}
