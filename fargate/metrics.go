package fargate

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// metrics are the provider's own; those of AWS calls are awscall's.
type metrics struct {
	launches  *prometheus.CounterVec
	restarts  *prometheus.CounterVec
	launching prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer, p *Provider) (*metrics, error) {
	m := &metrics{
		launches: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fargate_launches_total",
			Help: "Launches of tasks by result: started, or the reason for waiting."}, []string{"result"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fargate_attempts_total",
			Help: "Further attempts at pods whose task ended, by reason."}, []string{"reason"}),
		launching: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fargate_launch_seconds",
			Help: "From the creation of a pod to its first accepted RunTask.", Buckets: prometheus.ExponentialBuckets(0.1, 2, 12)}),
	}
	if registry == nil {
		return m, nil
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	var faults []error
	for _, collector := range []prometheus.Collector{
		m.launches, m.restarts, m.launching,
		gauge("fargate_launch_queue_length", "Pods that wait for their turn to be launched.", p.launches.Len),
		gauge("fargate_stop_queue_length", "Pods whose task is to be stopped.", p.stops.Len),
		gauge("fargate_tasks_watched", "Tasks that are polled.", func() int { return p.tracker.Watched() }),
		gauge("fargate_pods", "Pods of this node that have not ended.", func() int {
			return len(p.joins.list(func(j *join) bool { return !j.over }))
		}),
	} {
		faults = append(faults, registry.Register(collector))
	}
	return m, errors.Join(faults...)
}

func (m *metrics) launched(pod *corev1.Pod, attempt int) {
	m.launches.WithLabelValues("started").Inc()
	if attempt == 0 {
		m.launching.Observe(time.Since(pod.CreationTimestamp.Time).Seconds())
	}
}

func (m *metrics) postponed(reason string) { m.launches.WithLabelValues(reason).Inc() }

func (m *metrics) restarted(verdict podstatus.Verdict) {
	m.restarts.WithLabelValues(verdict.Reason).Inc()
}
