package prober

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/healthcheck"
)

// This file decides, and never waits, dials or asks the clock: Kubernetes' rules, as values.

// verdict is what one probe says of a container.
type verdict int8

const (
	unknown verdict = iota
	success
	failure
)

// tally is what a probe has said of one container so far.
type tally struct {
	stands verdict // past its threshold, or where the probe begins
	last   verdict
	streak int32 // how often in a row it was the last
}

// count adds a verdict that is not unknown.
func (t tally) count(said verdict, probe *corev1.Probe) tally {
	if said != t.last {
		t.last, t.streak = said, 0
	}
	t.streak++
	if t.streak >= threshold(said, probe) {
		t.stands = said
	}
	return t
}

// threshold is how many verdicts in a row count. 0 stands for the API server's defaults, here and below.
func threshold(said verdict, probe *corev1.Probe) int32 {
	if said == success {
		return cmp.Or(probe.SuccessThreshold, 1)
	}
	return cmp.Or(probe.FailureThreshold, 3)
}

func period(probe *corev1.Probe) time.Duration {
	return time.Duration(cmp.Or(probe.PeriodSeconds, 10)) * time.Second
}

func timeout(probe *corev1.Probe) time.Duration {
	return time.Duration(cmp.Or(probe.TimeoutSeconds, 1)) * time.Second
}

// course is how far the probes of one container have come.
type course struct {
	probes  [kinds]*corev1.Probe // nil: none
	check   healthcheck.Check    // which some of them share
	health  Health
	tallies [kinds]tally
	ending  bool

	held       bool // it waits for its postStart hook
	hookFailed bool // which has failed
}

// begin is the course of a container that is new, or new to us and already known as started or ready.
func begin(told Container) course {
	c := course{tallies: [kinds]tally{Startup: {stands: unknown}, Liveness: {stands: success}, Readiness: {stands: failure}}}
	if told.Started {
		c.tallies[Startup].stands = success
	}
	if told.Started && told.Ready {
		c.tallies[Readiness].stands = success
	}
	return c
}

// follow takes in what may change while the container runs.
func (c *course) follow(spec *corev1.Container, ending bool) {
	c.check = healthcheck.Of(spec)
	shared := [kinds]*corev1.Probe{c.check.Startup, c.check.Liveness, c.check.Readiness}
	for kind := range Kind(kinds) {
		c.probes[kind] = cmp.Or(shared[kind], overNetwork(spec, kind))
	}
	c.ending = ending
}

// byHealth reports whether a probe stands by the container's health.
func (c *course) byHealth(kind Kind) bool { return c.probes[kind] != nil && c.probes[kind].Exec != nil }

// hear takes in what ECS says of the container's health. A success is one of all that share the check, but no success
// helps what has failed for good; that they have failed is for the visit to say which comes when it is so.
func (c *course) hear(now Health) {
	c.health = now
	for kind := range Kind(kinds) {
		if now == Healthy && c.byHealth(kind) && (kind == Readiness || c.tallies[kind].stands != failure) {
			c.tallies[kind].stands = success
		}
	}
}

// state is what follows from a course.
type state struct {
	started, ready, failed bool
	kind                   Kind // of the probe that failed
}

// state is what the probes say. A pod that ends counts as started and alive, as with kubelet: what it does
// while it shuts down is no reason to restart it.
func (c *course) state() state {
	if c.held {
		return state{failed: c.hookFailed && !c.ending, kind: PostStart}
	}
	started := c.ending || c.probes[Startup] == nil || c.tallies[Startup].stands == success
	s := state{started: started, ready: started && (c.probes[Readiness] == nil || c.tallies[Readiness].stands == success)}
	for _, kind := range []Kind{Startup, Liveness} {
		if !s.failed && !c.ending && c.probes[kind] != nil && c.tallies[kind].stands == failure {
			s.failed, s.kind = true, kind
		}
	}
	return s
}

// wants reports whether a probe is to be made, again and again until it is not. What has failed for good
// waits for another container.
func (c *course) wants(kind Kind) bool {
	started := c.state().started
	switch {
	case c.probes[kind] == nil, c.held:
		return false
	case c.byHealth(kind) && (c.health != Unhealthy || c.tallies[kind].stands == failure):
		return false
	case kind == Readiness:
		return started
	case kind == Liveness:
		return started && !c.ending && c.tallies[Liveness].stands != failure
	default:
		return !started && c.tallies[Startup].stands == unknown
	}
}

// take counts what a probe said, if it is still asked for, and reports whether it is.
func (c *course) take(kind Kind, said verdict) bool {
	if !c.wants(kind) {
		return false
	}
	switch {
	case c.byHealth(kind): // ECS has counted
		c.tallies[kind].stands = said
	case said != unknown:
		c.tallies[kind] = c.tallies[kind].count(said, c.probes[kind])
	}
	return true
}
