package prober_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

// exec is a probe that runs a command.
func exec(command string, period, failures int32) *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: period, FailureThreshold: failures,
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{command}}}}
}

// sick declares web with this health, again and again.
type sick struct {
	p   *prober.Prober
	pod *corev1.Pod
	now prober.Running
}

func watched(p *prober.Prober, pod *corev1.Pod) *sick { return &sick{p, pod, running("1")} }

func (s *sick) is(health prober.Health) prober.Result {
	web := s.now.Containers["web"]
	web.Health = health
	s.now.Containers["web"] = web
	results := s.p.Watch(s.pod, s.now)
	return results.Of("web")
}

func failed(kind prober.Kind) *prober.Failure {
	return &prober.Failure{Kind: kind, Message: kind.String() + " probe failed: ECS reports the container as UNHEALTHY"}
}

func TestReadinessByHealth(t *testing.T) {
	probing(t, func(_ *fakeNetwork, p *prober.Prober, h *heard) {
		web := watched(p, podOf(nil, nil, exec("a", 10, 3)))
		same(t, "not ready before HEALTHY", prober.Result{Started: true}, web.is(prober.HealthUnknown))
		after(time.Hour)
		same(t, "however long", prober.Result{Started: true}, web.is(prober.HealthUnknown))
		same(t, "HEALTHY", prober.Result{Started: true, Ready: true}, web.is(prober.Healthy))
		web.is(prober.Unhealthy)
		after(0)
		same(t, "UNHEALTHY", prober.Results{"web": {Started: true}}, p.Results("uid"))
		events, changes := h.since()
		same(t, "told", []string{"web Unhealthy: Readiness probe failed: ECS reports the container as UNHEALTHY"}, events)
		same(t, "changes", 1, changes)
		after(time.Hour)
		events, _ = h.since()
		same(t, "told again", []string(nil), events)
		same(t, "HEALTHY again", prober.Result{Started: true, Ready: true}, web.is(prober.Healthy))
	})
}

func TestReadinessByHealthIsKeptOverARestartOfTheDaemon(t *testing.T) {
	probing(t, func(_ *fakeNetwork, p *prober.Prober, _ *heard) {
		web := watched(p, podOf(nil, nil, exec("a", 10, 3)))
		web.now.Containers["web"] = prober.Container{ID: "1", StartedAt: time.Now(), Started: true, Ready: true}
		same(t, "its health is not known yet", prober.Result{Started: true, Ready: true}, web.is(prober.HealthUnknown))
	})
}

func TestLivenessByHealth(t *testing.T) {
	probing(t, func(_ *fakeNetwork, p *prober.Prober, _ *heard) {
		web := watched(p, podOf(nil, exec("a", 10, 3), nil))
		same(t, "alive until it is not", prober.Result{Started: true, Ready: true}, web.is(prober.HealthUnknown))
		after(time.Minute)
		web.is(prober.Unhealthy)
		after(0)
		want := prober.Result{Started: true, Ready: true, Failed: failed(prober.Liveness)}
		same(t, "UNHEALTHY", prober.Results{"web": want}, p.Results("uid"))
		same(t, "for good", want, web.is(prober.Healthy))
	})
}

// The most common pair: one command for both, the second more patient.
func TestOneCommandForReadinessAndLiveness(t *testing.T) {
	probing(t, func(_ *fakeNetwork, p *prober.Prober, h *heard) {
		web := watched(p, podOf(nil, exec("a", 10, 6), exec("a", 10, 3)))
		web.is(prober.Healthy)
		after(time.Minute)
		web.is(prober.Unhealthy) // after three failures
		after(29 * time.Second)
		same(t, "not ready", prober.Results{"web": {Started: true}}, p.Results("uid"))
		web.is(prober.Healthy)
		after(time.Minute)
		same(t, "it came back", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
		web.is(prober.Unhealthy)
		after(30 * time.Second)
		same(t, "it does not", prober.Results{"web": {Started: true, Failed: failed(prober.Liveness)}}, p.Results("uid"))
		h.since()
	})
}

func TestStartupByHealth(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		pod := podOf(exec("a", 10, 12), get("/live", 10), get("/ready", 10))
		web := watched(p, pod)
		same(t, "not started", prober.Result{}, web.is(prober.HealthUnknown))
		after(100 * time.Second)
		web.is(prober.Unhealthy)
		after(19 * time.Second)
		same(t, "it has its budget", prober.Results{"web": {}}, p.Results("uid"))
		same(t, "and nothing else is asked", []string(nil), fake.since())
		web.is(prober.Healthy)
		after(0)
		same(t, "started", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
		web.is(prober.Unhealthy)
		after(time.Hour)
		same(t, "startup is over", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))

		never := watched(p, podOf(exec("a", 10, 12), nil, nil))
		never.pod.UID, never.now = "other", running("1")
		never.is(prober.HealthUnknown)
		after(110 * time.Second)
		never.is(prober.Unhealthy)
		after(10 * time.Second)
		same(t, "its budget is spent", prober.Results{"web": {Failed: failed(prober.Startup)}}, p.Results("other"))
	})
}

// What ECS counted while the container was starting is not held against it.
func TestLivenessByHealthBeginsWithTheStart(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		fake.set("/start", ill)
		startup := get("/start", 10)
		startup.FailureThreshold = 100
		web := watched(p, podOf(startup, exec("a", 10, 3), nil))
		web.is(prober.HealthUnknown)
		after(500 * time.Second)
		web.is(prober.Unhealthy)
		after(5 * time.Second)
		fake.set("/start", well)
		after(10 * time.Second)
		same(t, "started", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
		after(14 * time.Second)
		same(t, "it has its time", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
		after(20 * time.Second)
		same(t, "and no more", prober.Results{"web": {Started: true, Ready: true, Failed: failed(prober.Liveness)}}, p.Results("uid"))
	})
}

func TestAPodThatEndsIsNotRestartedForItsHealth(t *testing.T) {
	probing(t, func(_ *fakeNetwork, p *prober.Prober, _ *heard) {
		web := watched(p, podOf(nil, exec("a", 10, 3), nil))
		web.is(prober.Healthy)
		web.now.Ending = true
		web.is(prober.Unhealthy)
		after(time.Hour)
		same(t, "it ends", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
	})
}

// It may take as long as the probe that is not made would have let it.
func TestLivenessWaitsForAStartupProbeThatIsNotMade(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		p.Watch(podOf(exec("other", 10, 30), get("/live", 10), exec("a", 10, 3)), running("1"))
		after(299 * time.Second)
		same(t, "until then", []string(nil), fake.since())
		after(time.Second)
		same(t, "then", []string{"1s /live"}, fake.since())
	})
}
