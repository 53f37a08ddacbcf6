package fargate

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// reasonUnsupported is the reason of a pod that Fargate cannot run.
const reasonUnsupported = "UnsupportedPodSpec"

// refuse tells a pod that Fargate cannot run it. A bare pod or a Job's is Failed at once: nothing
// replaces it at once. Any other controller would, for ever and without a back-off (ReplicaSets have
// none): its pod stays Pending with the reason and fails only after a back-off of ours. So does one of which a task may
// run, until that is known.
func (p *Provider) refuse(t turn, pod *corev1.Pod, cause error) {
	p.events.Event(pod, corev1.EventTypeWarning, reasonUnsupported, cause.Error())
	p.log.Info("pod refused", "pod", pod.Namespace+"/"+pod.Name, "reason", cause.Error())
	var delay time.Duration
	owner := metav1.GetControllerOf(pod)
	held := owner != nil && owner.Kind != "Job"
	if j, _ := p.joins.get(pod.UID); held || !j.unanswered.IsZero() {
		p.wait(pod.UID, reasonUnsupported, cause.Error())
	}
	if held {
		delay = p.refusals.delay(owner.UID, time.Now())
	}
	p.joins.update(pod.UID, func(j *join) {
		j.refusal, j.notBefore = cause.Error(), time.Now().Add(delay)
	})
	p.launches.AddAfter(t, delay)
}

// fail ends a refused pod. It is called under the lock of the joins.
func (p *Provider) fail(j *join) {
	j.status = podstatus.Refused(j.view(), reasonUnsupported, j.refusal)
	j.over = true
	p.changed(j.pod.UID)
}

// refusals hold back the failing of refused pods, by owner. A ReplicaSet is one template, so it is
// owner and template in one.
type refusals struct {
	mu     sync.Mutex // guards owners
	owners map[types.UID]*refusal
}

type refusal struct {
	failAt time.Time     // when the pods refused now turn Failed
	delay  time.Duration // that was waited for it
}

func newRefusals() *refusals { return &refusals{owners: map[types.UID]*refusal{}} }

// delay says how long a pod refused now stays Pending. Pods refused together fail together; each round
// after that waits twice as long, and what comes in the second half of a round, or at its very end, is of
// the next. An owner that was quiet for twice the longest wait begins anew.
func (r *refusals) delay(owner types.UID, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, old := range r.owners {
		if now.Sub(old.failAt) > 2*backOffMost {
			delete(r.owners, uid)
		}
	}
	round := r.owners[owner]
	switch {
	case round == nil:
		round = &refusal{failAt: now.Add(backOffFirst), delay: backOffFirst}
		r.owners[owner] = round
	case round.failAt.Sub(now) < round.delay/2:
		round.delay = min(2*round.delay, backOffMost)
		round.failAt = now.Add(round.delay)
	}
	return round.failAt.Sub(now)
}
