package fargate_test

import (
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// run is a probe that runs a command in the container.
func run(command string, failures int32) *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: 10, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: failures,
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{command, "$(HOME)"}}}}
}

// patient is an image whose commands exit with what is set, and what they were last.
type patient struct {
	exits atomic.Int64
	asked atomic.Pointer[[]string]
}

func (p *patient) config() fargatesim.Config {
	return fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": {Exec: func(_ int, command []string) (int, error) {
		p.asked.Store(&command)
		return int(p.exits.Load()), nil
	}}}}}
}

func TestReadinessProbeByCommand(t *testing.T) {
	p := &patient{}
	p.exits.Store(1)
	tell(t, p.config(), func(w *world) {
		w.start()
		pod := nginx("web")
		pod.Spec.Containers[0].ReadinessProbe = run("ready", 3)
		w.create(pod)
		w.awaitPod("web", "running, and not ready", unready)
		time.Sleep(time.Minute) // on the bubble's clock
		if got := w.pod("default", "web"); !unready(got) {
			t.Errorf("it is ready before its command has succeeded: %+v", got.Status)
		}
		p.exits.Store(0)
		w.awaitPod("web", "ready", running)
		if asked := *p.asked.Load(); len(asked) != 2 || asked[1] != "$(HOME)" {
			t.Errorf("the command is %q, want it as it is written", asked)
		}
		p.exits.Store(1)
		began := time.Now()
		w.awaitPod("web", "not ready any more", unready)
		if took := time.Since(began); took < 20*time.Second || took > 40*time.Second {
			t.Errorf("three failures took %s", took)
		}
		if told := w.told("Unhealthy"); len(told) == 0 || told[len(told)-1] != "Unhealthy Readiness probe failed: ECS reports the container as UNHEALTHY" {
			t.Errorf("events %v", told)
		}
		p.exits.Store(0)
		w.awaitPod("web", "ready", running)
		w.restartAfter(time.Second)
		time.Sleep(time.Minute)
		if got := w.pod("default", "web"); !running(got) || container(got).RestartCount != 0 {
			t.Errorf("after a restart of the daemon: %+v", got.Status)
		}
		w.remove("web")
	})
}

func TestLivenessProbeByCommand(t *testing.T) {
	for why, change := range map[string]func(*corev1.Container){
		"alone":           func(c *corev1.Container) { c.LivenessProbe = run("alive", 3) },
		"and readiness":   func(c *corev1.Container) { c.LivenessProbe, c.ReadinessProbe = run("alive", 3), run("alive", 3) },
		"more patient":    func(c *corev1.Container) { c.LivenessProbe, c.ReadinessProbe = run("alive", 9), run("alive", 3) },
		"and startup":     func(c *corev1.Container) { c.LivenessProbe, c.StartupProbe = run("alive", 3), run("alive", 30) },
		"startup, failed": func(c *corev1.Container) { c.StartupProbe = run("alive", 4) },
	} {
		t.Run(why, func(t *testing.T) {
			p := &patient{}
			tell(t, p.config(), func(w *world) {
				w.start()
				pod := nginx("web")
				change(&pod.Spec.Containers[0])
				if pod.Spec.Containers[0].LivenessProbe == nil {
					p.exits.Store(1)
					w.create(pod)
				} else {
					w.create(pod)
					w.awaitPod("web", "ready", running)
					p.exits.Store(1)
				}
				w.awaitPod("web", "restarted", func(pod *corev1.Pod) bool { return container(pod).LastTerminationState.Terminated != nil })
				p.exits.Store(0)
				w.awaitPod("web", "ready again", func(pod *corev1.Pod) bool { return running(pod) && container(pod).RestartCount == 1 })
				if told := w.told("Unhealthy"); len(told) == 0 {
					t.Error("nothing was told")
				}
				w.remove("web")
			})
		})
	}
}
