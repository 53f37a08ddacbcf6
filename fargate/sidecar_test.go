package fargate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// sidecar is the status of the pod's first init container.
func sidecar(pod *corev1.Pod) corev1.ContainerStatus {
	if len(pod.Status.InitContainerStatuses) == 0 {
		return corev1.ContainerStatus{}
	}
	return pod.Status.InitContainerStatuses[0]
}

// As with a kubelet, what comes after a sidecar with a startup probe waits until that has succeeded, and a sidecar that
// fails it is started anew, whatever the pod's restart policy.
func TestWhatComesAfterASidecarWaitsForItsStartupProbe(t *testing.T) {
	for _, policy := range []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyNever} {
		t.Run(string(policy), func(t *testing.T) {
			p := &patient{}
			p.exits.Store(1)
			config := p.config()
			config.Runtime.(*fargatesim.Scripted).Images["proxy"] = config.Runtime.(*fargatesim.Scripted).Images["nginx"]
			tell(t, config, func(w *world) {
				w.start()
				pod := several("web", policy, "+proxy=proxy | web=serves")
				pod.Spec.InitContainers[0].StartupProbe = run("started", 12)
				w.create(pod)
				w.awaitPod("web", "with a sidecar that runs", func(pod *corev1.Pod) bool { return sidecar(pod).State.Running != nil })
				time.Sleep(time.Minute) // on the bubble's clock
				if got := w.pod("default", "web"); got.Status.Phase != corev1.PodPending || *sidecar(got).Started || sidecar(got).Ready {
					t.Errorf("something goes on before the sidecar has started: %+v", got.Status)
				}
				restarted := w.awaitPod("web", "with a sidecar that is started anew", func(pod *corev1.Pod) bool { return sidecar(pod).LastTerminationState.Terminated != nil })
				if restarted.Status.Phase != corev1.PodPending {
					t.Errorf("after the sidecar's failure: %+v", restarted.Status)
				}
				if told := w.told("Unhealthy"); len(told) != 1 || told[0] != "Unhealthy Startup probe failed: ECS reports the container as UNHEALTHY" {
					t.Errorf("events %v", told)
				}
				p.exits.Store(0)
				got := w.awaitPod("web", "ready", running)
				if !*sidecar(got).Started || sidecar(got).RestartCount != 1 || container(got).RestartCount != 0 {
					t.Errorf("in the end: %+v", got.Status)
				}
				w.remove("web")
			})
		})
	}
}

// Nothing would ever come after a sidecar that has ended before it had started.
func TestSidecarThatEndsBeforeItHasStarted(t *testing.T) {
	for _, policy := range []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyNever} {
		t.Run(string(policy), func(t *testing.T) {
			images := map[string]fargatesim.Script{"serves": {}, "proxy": fargatesim.Exits(3, 2*time.Second)}
			tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
				w.start()
				pod := several("web", policy, "+proxy=proxy | web=serves")
				pod.Spec.InitContainers[0].StartupProbe = run("started", 12)
				w.create(pod)
				got := w.awaitPod("web", "with a sidecar that is started anew", func(pod *corev1.Pod) bool { return sidecar(pod).RestartCount == 1 })
				if last := sidecar(got).LastTerminationState.Terminated; got.Status.Phase != corev1.PodPending || last == nil || last.ExitCode != 3 {
					t.Errorf("after the sidecar's end: %+v", got.Status)
				}
				w.remove("web")
			})
		})
	}
}
