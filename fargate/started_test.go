package fargate_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// Each container's start is told once, also to those who look at events alone, and not again by the next process.
func TestStartsAreTold(t *testing.T) {
	sim := fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"init": fargatesim.Exits(0, time.Second)}}}
	tell(t, sim, func(w *world) {
		w.start()
		pod := nginx("web")
		pod.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "init"}}
		w.create(pod)
		if reason := container(w.awaitPod("web", "waits", func(pod *corev1.Pod) bool { return len(pod.Status.InitContainerStatuses) == 1 })).State.Waiting.Reason; reason != "PodInitializing" {
			t.Errorf("waits for %s before its init container has run", reason)
		}
		w.awaitPod("web", "running", running)
		if got := w.told("Started"); len(got) != 2 || got[0] != "Started Container started" {
			t.Errorf("told %q", got)
		}
		if got := w.told("Pulled"); len(got) != 1 || !strings.HasPrefix(got[0], "Pulled Successfully pulled the task's images in ") {
			t.Errorf("told %q", got)
		}
		w.stopProvider()
		w.start()
		time.Sleep(time.Minute) // on the bubble's clock
		if got := w.told("Started"); len(got) != 2 {
			t.Errorf("told again: %q", got)
		}
	})
}
