package prober_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

func TestNobodyAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		handler   corev1.ProbeHandler
		how       behaviour
		want      string
		unreached bool
	}{
		"http, silence": {get("/ready", 10).ProbeHandler, absent,
			`web Unhealthy: Readiness probe failed: Get "http://10.0.0.1:80/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers) (unreached)`, true},
		"tcp, silence": {corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(80)}}, absent,
			`web Unhealthy: Readiness probe failed: dial tcp 10.0.0.1:80: i/o timeout (unreached)`, true},
		"grpc, silence": {corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 80}}, absent,
			`web Unhealthy: Readiness probe failed: timeout: failed to connect service "10.0.0.1:80" within 1s: context deadline exceeded (unreached)`, true},
		"grpc, refusal": {corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 80}}, closed,
			`web Unhealthy: Readiness probe failed: timeout: failed to connect service "10.0.0.1:80" within 1s: context deadline exceeded`, false},
		"http, another host": {corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Host: "10.0.0.9", Port: intstr.FromInt32(81), Path: "ready"}}, well,
			`web Unhealthy: Readiness probe failed: Get "http://10.0.0.9:81/ready": dial tcp 10.0.0.9:81: connect: connection refused`, false},
	} {
		t.Run(name, func(t *testing.T) {
			probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
				fake.setHost("10.0.0.1:80", c.how)
				fake.setHost("10.0.0.9:81", closed)
				p.Watch(podOf(nil, nil, &corev1.Probe{ProbeHandler: c.handler}), running("1"))
				after(5 * time.Second)
				events, _ := h.since()
				same(t, "told", []string{c.want}, events)
			})
		})
	}
}

func TestAPodWithoutAnAddressWaitsForIt(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		pod, now := podOf(nil, nil, get("/ready", 10)), running("1")
		now.IP = ""
		same(t, "without", prober.Results{"web": {Started: true}}, p.Watch(pod, now))
		after(time.Minute)
		same(t, "asked", []string(nil), fake.since())
		now.IP = "10.0.0.1"
		p.Watch(pod, now)
		after(time.Second)
		same(t, "asked", []string{"0s /ready"}, fake.since())
	})
}

func TestAProbeLongerThanItsPeriodFollowsItself(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.set("/ready", hung)
		probe := get("/ready", 1)
		probe.TimeoutSeconds = 3
		p.Watch(podOf(nil, nil, probe), running("1"))
		after(10 * time.Second)
		same(t, "asked", []string{"0s /ready", "3s /ready", "6s /ready", "9s /ready"}, fake.since())
		h.since()
	})
}

// A thousand pods that nobody can reach are probed late, and hold up no daemon; the one that answers has
// its turn.
func TestProbesUnderWayAreBounded(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		for i := range 1000 {
			pod, now := podOf(nil, nil, get("/ready", 10)), running("1")
			pod.UID, now.IP = types.UID(fmt.Sprint(i)), fmt.Sprintf("10.1.%d.%d", i/250, i%250)
			fake.setHost(now.IP+":80", absent)
			p.Watch(pod, now)
		}
		p.Watch(podOf(nil, nil, get("/ready", 10)), running("1"))
		most := 0
		for range 18 {
			after(500 * time.Millisecond)
			most = max(most, fake.underway())
		}
		same(t, "under way at most", 256, most)
		events, _ := h.since()
		same(t, "all were probed", 1000, len(events))
		same(t, "and the one that answers", prober.Results{"web": {Started: true, Ready: true}}, p.Results("uid"))
	})
}

func TestTheEndOfTheDaemonSaysNothingOfPods(t *testing.T) {
	h := &heard{}
	var p *prober.Prober
	probing(t, func(fake *fakeNetwork, its *prober.Prober, told *heard) {
		p, h = its, told
		fake.set("/live", hung)
		liveness := get("/live", 10)
		liveness.FailureThreshold, liveness.TimeoutSeconds = 1, 600
		p.Watch(podOf(nil, liveness, nil), running("1"))
		after(time.Minute)
	})
	if events, changes := h.since(); len(events)+changes > 0 || p.Results("uid")["web"].Failed != nil {
		t.Errorf("told %v, %d changes, results %v", events, changes, p.Results("uid"))
	}
}

func TestAllAtOnce(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.set("/live", ill)
		var callers sync.WaitGroup
		for i := range 50 {
			callers.Go(func() {
				pod := podOf(get("/start", 1), get("/live", 1), get("/ready", 1))
				pod.UID = types.UID(fmt.Sprint(i % 10))
				pod.Spec.InitContainers = []corev1.Container{{Name: "proxy", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways), ReadinessProbe: get("/proxy", 2)}}
				for attempt := range 20 {
					now := running(fmt.Sprint(attempt))
					now.Containers["proxy"] = now.Containers["web"]
					p.Watch(pod, now)
					time.Sleep(time.Duration(i) * 30 * time.Millisecond)
					p.Results(pod.UID)
					if attempt%7 == 6 {
						p.Forget(pod.UID)
					}
				}
			})
		}
		callers.Wait()
		for i := range 10 {
			pod := podOf(nil, nil, get("/ready", 1))
			pod.UID = types.UID(fmt.Sprint(i))
			p.Watch(pod, running("last"))
		}
		fake.since()
		after(4500 * time.Millisecond)
		if n := len(fake.since()); n < 40 || n > 50 {
			t.Errorf("%d probes of ten pods in 4.5 s, want one a second each", n)
		}
		h.since()
	})
}
