package prober_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestFromStartToReady(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.set("/start", ill)
		fake.set("/ready", ill)
		startup := get("/start", 2)
		startup.InitialDelaySeconds = 3
		pod := podOf(startup, get("/live", 10), get("/ready", 5))
		same(t, "at first", prober.Results{"web": {}}, p.Watch(pod, running("1")))
		after(6 * time.Second)
		fake.set("/start", well)
		same(t, "asked, in 6 s", []string{"3s /start", "5s /start"}, fake.since())
		events, changes := h.since()
		same(t, "told", []string{
			"web Unhealthy: Startup probe failed: HTTP probe failed with statuscode: 500",
			"web Unhealthy: Startup probe failed: HTTP probe failed with statuscode: 500",
		}, events)
		same(t, "changes", 0, changes)
		after(11 * time.Second)
		asked := fake.since()
		slices.Sort(asked) // what comes at once comes in any order
		same(t, "asked, when it has started", []string{"11s /live", "11s /ready", "1s /live", "1s /ready", "1s /start", "6s /ready"}, asked)
		same(t, "started, not ready", prober.Results{"web": {Started: true}}, p.Results("uid"))
		fake.set("/ready", well)
		h.since()
		after(5 * time.Second)
		same(t, "ready", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
		fake.set("/ready", ill)
		after(10 * time.Second)
		same(t, "two failures are not three", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
		after(5 * time.Second)
		same(t, "three are", prober.Results{"web": {Started: true}}, p.Results("uid"))
		_, changes = h.since()
		same(t, "changes", 2, changes)
	})
}

func TestALivenessFailureWaitsForAnotherContainer(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.set("/live", hung)
		liveness := get("/live", 10)
		liveness.FailureThreshold, liveness.TerminationGracePeriodSeconds = 2, ptr.To[int64](5)
		pod := podOf(nil, liveness, nil)
		first := running("1")
		p.Watch(pod, first)
		after(time.Minute)
		failed := prober.Results{"web": {Started: true, Ready: true, Failed: &prober.Failure{Kind: prober.Liveness, Grace: 5 * time.Second,
			Message: `Liveness probe failed: Get "http://10.0.0.1:80/live": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`}}}
		same(t, "failed", failed, p.Results("uid"))
		same(t, "asked no more", []string{"0s /live", "10s /live"}, fake.since())
		_, changes := h.since()
		same(t, "changes", 1, changes)

		same(t, "the same container, declared again", failed, p.Watch(pod, first))
		after(time.Minute)
		same(t, "asked", []string(nil), fake.since())

		fake.set("/live", well)
		same(t, "another", prober.Results{"web": {Started: true, Ready: true}}, p.Watch(pod, running("2")))
		after(15 * time.Second)
		same(t, "asked anew", []string{"0s /live", "10s /live"}, fake.since())
	})
}

func TestADaemonThatStartsAgainChangesNothing(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.set("/ready", ill)
		pod := podOf(get("/start", 1), nil, get("/ready", 10))
		now := running("1")
		now.Containers["web"] = prober.Container{ID: "1", StartedAt: time.Now().Add(-time.Hour), Started: true, Ready: true}
		ready := prober.Results{"web": {Started: true, Ready: true}}
		same(t, "taken over", ready, p.Watch(pod, now))
		after(15 * time.Second)
		same(t, "until it fails", ready, p.Results("uid"))
		after(10 * time.Second)
		same(t, "failed", prober.Results{"web": {Started: true}}, p.Results("uid"))
		same(t, "asked", []string{"0s /ready", "10s /ready", "20s /ready"}, fake.since())
		p.Watch(pod, now)
		same(t, "what was known does not come back", prober.Results{"web": {Started: true}}, p.Results("uid"))
		h.since()
	})
}

func TestProbesSpreadWhenTheDaemonStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeNetwork{apps: map[string]behaviour{}, byHost: map[string]behaviour{}, from: time.Now()}
		p := prober.New(prober.Config{Dial: fake.Dial})
		for i := range 100 {
			pod := podOf(nil, nil, get("/ready", 10))
			pod.UID = types.UID(fmt.Sprint(i))
			p.Watch(pod, running("1"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		for fifth := range 5 {
			after(2 * time.Second)
			if n := len(fake.since()); n == 0 || n > 50 {
				t.Errorf("%d of 100 probes in fifth %d of their period", n, fifth)
			}
		}
		after(10 * time.Second)
		same(t, "in the next period", 100, len(fake.since()))
		cancel()
		same(t, "run", error(nil), <-done)
	})
}

func TestWhatEndsIsProbedForReadinessAlone(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		pod := podOf(nil, get("/live", 10), get("/ready", 10))
		now := running("1")
		p.Watch(pod, now)
		after(5 * time.Second)
		fake.since()
		fake.set("/live", ill)
		fake.set("/ready", ill)
		now.Ending = true
		p.Watch(pod, now)
		after(30 * time.Second)
		same(t, "asked", []string{"5s /ready", "15s /ready", "25s /ready"}, fake.since())
		same(t, "results", prober.Results{"web": {Started: true}}, p.Results("uid"))
		now.Ending = false // the stop came to nothing
		p.Watch(pod, now)
		after(25 * time.Second)
		if failed := p.Results("uid")["web"].Failed; failed == nil {
			t.Error("liveness does not come back")
		}
		h.since()
	})
}

func TestWhatRunsNoMoreIsForgotten(t *testing.T) {
	for name, end := range map[string]func(*prober.Prober, *corev1.Pod){
		"forgotten":              func(p *prober.Prober, pod *corev1.Pod) { p.Forget(pod.UID) },
		"nothing runs":           func(p *prober.Prober, pod *corev1.Pod) { p.Watch(pod, prober.Running{IP: "10.0.0.1"}) },
		"forgotten, not watched": func(p *prober.Prober, pod *corev1.Pod) { p.Forget("other"); p.Forget(pod.UID); p.Forget(pod.UID) },
	} {
		t.Run(name, func(t *testing.T) {
			probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
				fake.set("/live", hung)
				pod := podOf(nil, get("/live", 5), get("/ready", 5))
				p.Watch(pod, running("1"))
				after(100 * time.Millisecond) // liveness is under way
				h.since()
				end(p, pod)
				fake.since()
				after(time.Minute)
				events, changes := h.since()
				if asked := fake.since(); len(asked)+len(events)+changes+p.Watched() > 0 {
					t.Errorf("asked %v, told %v, %d changes, %d pods watched", asked, events, changes, p.Watched())
				}
			})
		})
	}
}

func TestPodsWithoutProbesCostNothing(t *testing.T) {
	probing(t, func(_ *fakeNetwork, p *prober.Prober, _ *heard) {
		results := p.Watch(podOf(nil, nil, nil), running("1"))
		same(t, "no probes", prober.Result{Started: true, Ready: true}, results.Of("web"))
		same(t, "watched", 0, p.Watched())
	})
}
