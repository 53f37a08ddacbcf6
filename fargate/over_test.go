package fargate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// failedByOthers is a pod to which somebody else, such as the garbage collector of pods, has given its
// final phase: no status of ours changes that any more.
func failedByOthers(w *world, name string) *corev1.Pod {
	pod := w.pod("default", name).DeepCopy()
	pod.Status.Phase, pod.Status.Reason = corev1.PodFailed, "DeletionByPodGC"
	w.store(pod)
	return pod
}

func TestTaskOfAPodThatOthersHaveFailedIsStopped(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.provider.Observed(failedByOthers(w, "web"))
		began := time.Now()
		w.await("the stop", func() bool { return len(w.active()) == 0 })
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		w.remove("web")
		if got := len(w.sim.Tasks()); got != 1 {
			t.Errorf("%d tasks for one pod", got)
		}
	})
}

func TestTaskOfAPodFailedByOthersWhileWeWereDownIsStopped(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		failedByOthers(w, "web")
		w.start()
		began := time.Now()
		w.await("the stop", func() bool { return len(w.active()) == 0 })
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		w.remove("web")
	})
}

func TestPodFailedByOthersWhileWeWereDownIsNotLetGoBeforeItsTask(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.stopProvider()
		failedByOthers(w, "web")
		w.begun = func() { w.remove("web") }
		w.start()
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks run for a pod that was let go", len(left))
		}
	})
}

// A daemon that dies of one pod would take its node with it, at each start.
func TestPodFailedBeforeItHadAStatusOfOursIsLeftAlone(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		pod := nginx("web")
		pod.UID, pod.Status = "web-uid", corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}
		w.store(pod)
		w.start()
		w.create(nginx("other"))
		w.awaitPod("other", "running", running)
		if diff := cmp.Diff(pod.Status.Reason, w.pod("default", "web").Status.Reason); diff != "" {
			t.Error(diff)
		}
		w.remove("web")
	})
}
