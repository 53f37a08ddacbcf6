package fargate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// obliging works for an hour, and exits with 0 when it is told to stop.
var obliging = map[string]fargatesim.Script{
	"hour": {Ends: true, After: time.Hour, StopCode: new(int)}, "serves": {}, "works": images["works"], "fails": images["fails"],
	"broken": {StartError: `exec: "/nope": no such file or directory`},
}

// What the provider stops has not succeeded: a Job would be complete with its work undone.
func TestStoppedWorkIsDoneAgain(t *testing.T) {
	restarts := func(pod *corev1.Pod) bool {
		s := pod.Status.ContainerStatuses
		return len(s) > 0 && s[len(s)-1].RestartCount > 0
	}
	t.Run("of the sibling of a container that failed", func(t *testing.T) {
		tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: obliging}}, func(w *world) {
			w.start()
			w.create(several("work", corev1.RestartPolicyOnFailure, "a=fails b=hour"))
			pod := w.awaitPod("work", "at work again", restarts)
			if pod.Status.Phase != corev1.PodRunning {
				t.Errorf("it is %s", pod.Status.Phase)
			}
			w.remove("work")
		})
	})
	for policy, settled := range map[corev1.RestartPolicy]func(*corev1.Pod) bool{
		corev1.RestartPolicyOnFailure: restarts,
		corev1.RestartPolicyNever:     phase(corev1.PodFailed),
	} {
		t.Run("beside a sidecar whose probe failed, "+string(policy), func(t *testing.T) {
			tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: obliging}}, func(w *world) {
				w.site = &site{}
				w.site.status.Store(500)
				w.start()
				pod := several("work", policy, "+proxy=serves | a=hour")
				pod.Spec.InitContainers[0].LivenessProbe = get("/alive")
				w.create(pod)
				pod = w.awaitPod("work", "settled", settled)
				if policy == corev1.RestartPolicyNever && pod.Status.Message != "container proxy failed its liveness probe" {
					t.Errorf("it says %q", pod.Status.Message)
				}
				w.remove("work")
			})
		})
	}
}

// A task that outlasts its containers does not wait for one that never ran.
func TestSeveralOfWhichOneCannotStart(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays, Runtime: &fargatesim.Scripted{Images: obliging}}, func(w *world) {
		w.start()
		w.create(several("work", corev1.RestartPolicyNever, "a=works b=broken"))
		pod := w.awaitPod("work", "over", phase(corev1.PodFailed))
		if got := ends(pod.Status.ContainerStatuses...); got["a"] != 0 || got["b"] != 128 || len(got) != 2 {
			t.Errorf("ends %v", got)
		}
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

// A first restart, and one for another image, come at once: nothing backs off.
func TestARestartAtOnceIsNoBackOff(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.changeImage("web", "nginx:1.9.1")
		pod := w.awaitPod("web", "between its tasks", func(pod *corev1.Pod) bool { return container(pod).State.Waiting != nil })
		if !waitsFor("ContainerCreating")(pod) || len(w.told("BackOff")) > 0 {
			t.Errorf("%+v, events %v", container(pod).State.Waiting, w.told("BackOff"))
		}
		w.awaitPod("web", "running", running)
		w.remove("web")
	})
}
