package awscall

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace, subsystem = "virtual_kubelet", "aws"

// metrics are what the door tells of its calls.
type metrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	wait     *prometheus.HistogramVec
}

// newMetrics registers the metrics with r; nil: they are kept and shown to nobody.
func newMetrics(r prometheus.Registerer, b *budget) (*metrics, error) {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "calls_total",
			Help: "Attempts of AWS calls, retries included, by result: OK, AWS's error code, or what kept AWS from answering.",
		}, []string{"service", "operation", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "call_duration_seconds",
			Help:    "Time an attempt of an AWS call took, without its wait for the budget.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12), // 10 ms to 20 s
		}, []string{"service", "operation"}),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "budget_wait_seconds",
			Help:    "Time an attempt of an AWS call waited for the budget of its API family.",
			Buckets: append([]float64{0}, prometheus.ExponentialBuckets(0.01, 4, 8)...), // none, 10 ms to 160 s
		}, []string{"service", "operation"}),
	}
	if r == nil {
		return m, nil
	}
	rates := &rateCollector{budget: b, desc: prometheus.NewDesc(
		prometheus.BuildFQName(namespace, subsystem, "budget_rate"),
		"Calls per second that the budget of an API family allows now.", []string{"family"}, nil)}
	return m, errors.Join(r.Register(m.calls), r.Register(m.duration), r.Register(m.wait), r.Register(rates))
}

func (m *metrics) waited(service, operationName string, d time.Duration) {
	m.wait.WithLabelValues(service, operationName).Observe(d.Seconds())
}

func (m *metrics) called(service, operationName, code string, d time.Duration) {
	m.calls.WithLabelValues(service, operationName, code).Inc()
	m.duration.WithLabelValues(service, operationName).Observe(d.Seconds())
}

// rateCollector reads the rates when it is asked: they recover by the clock, and nobody else looks at them.
type rateCollector struct {
	budget *budget
	desc   *prometheus.Desc
}

func (c *rateCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

func (c *rateCollector) Collect(ch chan<- prometheus.Metric) {
	for family, perSecond := range c.budget.ratesNow(time.Now()) {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, perSecond, family)
	}
}
