// Package healthcheck has the probes of a container that are commands share its one ECS health check.
//
// ECS runs one command in a container, and tells whether it has succeeded (HEALTHY) or has failed often enough in a row
// (UNHEALTHY). The rules:
//
//	whose command        readiness's, else liveness's, else startup's, with $(VAR) expanded as kubelet does for probes; those
//	                     with another command are left out
//	who shares it        all probes of the container with that command
//	its interval         the shortest period of the sharers, 5 to 300 s
//	its time-out         the longest of the sharers', 2 to 60 s
//	its retries          as many intervals as the sharer takes to fail that is the first to, 10 at most
//	its start period     until the sharers have had their initial delays and startup, of whatever kind, its budget, 300 s
//	                     at most: failures do not count in it, a success ends it
//
// So UNHEALTHY says that the first of the sharers has failed. A slower one has failed when that has lasted for as long as
// it takes longer, and none before its own time has come: FailsAt. By it thresholds and delays hold that ECS cannot have.
//
// The package knows no task and asks no clock. taskdef makes definitions of it, prober judges by it.
package healthcheck

import (
	"cmp"
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// Limits of ECS, in seconds but for retries. API reference: HealthCheck.
const (
	MinInterval, MaxInterval = 5, 300
	MinTimeout, MaxTimeout   = 2, 60
	MaxRetries               = 10 // and 1 at least
	MaxStartPeriod           = 300
)

// Check is the health check of a container. Times are in seconds.
type Check struct {
	Command                        []string // expanded, for ECS expands nothing; nil: the container has no probe that is a command, and so no check
	Interval, Timeout, StartPeriod int32
	Retries                        int32

	// Those that share it; nil: the container has no such probe, or it is left out.
	Startup, Liveness, Readiness *corev1.Probe
	// LeftOut are those with another command, among Startup and Liveness.
	LeftOut struct{ Startup, Liveness *corev1.Probe }

	startup *corev1.Probe // of whatever kind
	env     []corev1.EnvVar
}

// Of is the check of a container.
func Of(c *corev1.Container) Check {
	startup, liveness, readiness := exec(c.StartupProbe), exec(c.LivenessProbe), exec(c.ReadinessProbe)
	first := cmp.Or(readiness, liveness, startup)
	if first == nil {
		return Check{}
	}
	check := Check{Command: podenv.ExpandStatic(first.Exec.Command, c.Env), env: c.Env}
	check.startup = c.StartupProbe
	check.Readiness = readiness
	check.Liveness, check.LeftOut.Liveness = check.shares(liveness)
	check.Startup, check.LeftOut.Startup = check.shares(startup)
	check.times()
	return check
}

func exec(probe *corev1.Probe) *corev1.Probe {
	if probe == nil || probe.Exec == nil || len(probe.Exec.Command) == 0 {
		return nil
	}
	return probe
}

func (c *Check) shares(probe *corev1.Probe) (sharer, leftOut *corev1.Probe) {
	if probe != nil && !slices.Equal(podenv.ExpandStatic(probe.Exec.Command, c.env), c.Command) {
		return nil, probe
	}
	return probe, nil
}

func (c *Check) times() {
	sharers := slices.DeleteFunc([]*corev1.Probe{c.Startup, c.Liveness, c.Readiness}, func(p *corev1.Probe) bool { return p == nil })
	interval, timeout, start := int32(MaxInterval), int32(MinTimeout), int64(0)
	for _, probe := range sharers {
		interval, timeout = min(interval, period(probe)), max(timeout, cmp.Or(probe.TimeoutSeconds, 1))
	}
	c.Interval, c.Timeout, c.Retries = max(interval, MinInterval), min(timeout, MaxTimeout), MaxRetries
	for _, probe := range sharers {
		c.Retries = int32(min(int64(c.Retries), c.failures(probe)))
	}
	for _, probe := range []*corev1.Probe{c.Liveness, c.Readiness} {
		if probe != nil {
			start = max(start, int64(probe.InitialDelaySeconds))
		}
	}
	if c.startup != nil {
		start = max(start, budget(c.startup)-c.counting())
	}
	c.StartPeriod = int32(min(start, MaxStartPeriod))
}

// failures is how many of the check's make one of a probe: none fails after fewer than its threshold.
func (c *Check) failures(probe *corev1.Probe) int64 {
	interval := int64(c.Interval)
	return max(threshold(probe), (toFail(probe)+interval-1)/interval)
}

// FailsAt is when a sharer has failed if its container, which started then, has been UNHEALTHY since.
func (c *Check) FailsAt(probe *corev1.Probe, started, unhealthy time.Time) time.Time {
	failed := unhealthy
	if probe != c.Startup { // whose time counts from the start alone
		failed = failed.Add(seconds(max(toFail(probe)-c.counting(), 0)))
	}
	if probe == c.Readiness { // before its time it is not ready anyway
		return failed
	}
	if its := started.Add(max(seconds(budget(probe)), c.LivenessWaits())); its.After(failed) {
		return its
	}
	return failed
}

// LivenessWaits is how long after its container's start a liveness probe does not count, because a startup probe was left
// out that might take so long.
func (c *Check) LivenessWaits() time.Duration {
	if left := c.LeftOut.Startup; left != nil {
		return seconds(budget(left))
	}
	return 0
}

// Counting is how long ECS counts failures until it says UNHEALTHY.
func (c *Check) Counting() time.Duration { return seconds(c.counting()) }

func (c *Check) counting() int64 { return int64(c.Retries) * int64(c.Interval) }

// budget is how long after its container's start a probe may first fail.
func budget(probe *corev1.Probe) int64 { return int64(probe.InitialDelaySeconds) + toFail(probe) }

// toFail is how long a container takes to fail a probe, for ever being some decades. 0 stands for the API server's
// defaults, here and below.
func toFail(probe *corev1.Probe) int64 {
	return min(int64(period(probe))*threshold(probe), math.MaxInt32)
}

func threshold(probe *corev1.Probe) int64 { return int64(cmp.Or(probe.FailureThreshold, 3)) }

func period(probe *corev1.Probe) int32 { return cmp.Or(probe.PeriodSeconds, 10) }

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
