package fargate

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// Kubernetes' own back-off: pkg/kubelet/kubelet.go, backOffPeriod and MaxContainerBackOff.
const (
	backOffFirst = 10 * time.Second
	backOffMost  = 5 * time.Minute
	backOffReset = 10 * time.Minute // of running, after which a failure counts as the first
)

// again prepares the next attempt at a pod whose task has ended. It is called under the lock of the
// joins.
func (p *Provider) again(j *join, verdict podstatus.Verdict, ran time.Duration) {
	if ran >= backOffReset {
		j.failures = 0
	}
	delay := backOffAfter(j.failures, verdict.Action)
	j.failures++
	j.attempt++
	j.taskARN, j.finished, j.endingSince = "", "", time.Time{}
	j.unprepared = verdict.Reason == awserr.ReasonNotPrepared
	j.notBefore = time.Now().Add(delay)
	p.launches.AddAfter(turnOf(j.pod), delay)
	p.metrics.restarted(verdict)
	if delay == 0 {
		j.status = podstatus.AtOnce(j.pod, j.status)
		return
	}
	p.events.Eventf(j.pod, corev1.EventTypeWarning, eventOf(verdict), "%s", verdict.Message)
}

// backOffAfter is the wait before the next attempt, with this many failures in a row before it. The
// first restart after a crash comes at once, as with kubelet; a launch that failed waits.
func backOffAfter(failures int, action podstatus.Action) time.Duration {
	if action == podstatus.Restart {
		failures--
	}
	if failures < 0 {
		return 0
	}
	return min(backOffFirst<<min(failures, 10), backOffMost)
}

func eventOf(verdict podstatus.Verdict) string {
	if verdict.Action == podstatus.Restart {
		return "BackOff"
	}
	return verdict.Reason
}
