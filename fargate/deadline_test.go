package fargate_test

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func expired(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed && pod.Status.Reason == "DeadlineExceeded"
}

func TestActiveDeadline(t *testing.T) {
	t.Run("of a pod that runs", func(t *testing.T) {
		tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
			w.start()
			began := time.Now()
			pod := job("work", "nginx", corev1.RestartPolicyNever)
			pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](300)
			w.create(pod)
			w.awaitPod("work", "running", running)
			w.stopProvider() // the next process goes on with it
			w.start()
			w.awaitPod("work", "over", expired)
			if took := time.Since(began); took < 300*time.Second || took > 340*time.Second {
				t.Errorf("it was active for %s", took)
			}
			if left := w.active(); len(left) > 0 {
				t.Errorf("%d tasks left", len(left))
			}
			if told := w.told("DeadlineExceeded"); len(told) != 1 {
				t.Errorf("events %v", told)
			}
		})
	})
	t.Run("of a pod that waits", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.sim.NoCapacity(1000)
			pod := job("work", "nginx", corev1.RestartPolicyOnFailure)
			pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](60)
			w.create(pod)
			w.awaitPod("work", "over", expired)
			time.Sleep(10 * time.Minute) // on the bubble's clock
			if calls := w.sim.Calls("RunTask"); calls > 20 {
				t.Errorf("it is still tried: %d calls of RunTask", calls)
			}
		})
	})
	t.Run("of a pod that waits while the next process begins", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.sim.NoCapacity(1000)
			began := time.Now()
			pod := job("work", "nginx", corev1.RestartPolicyOnFailure)
			pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](60)
			w.create(pod)
			time.Sleep(10 * time.Second) // on the bubble's clock
			w.stopProvider()
			w.start() // nobody can know yet whether the process before has started a task
			w.awaitPod("work", "over", expired)
			if took := time.Since(began); took < 60*time.Second || took > 3*time.Minute {
				t.Errorf("it was active for %s", took)
			}
		})
	})
	t.Run("of a pod whose task was ended for the next one", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			began := time.Now()
			pod := nginx("web")
			pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](120)
			w.create(pod)
			w.awaitPod("web", "running", running)
			w.sim.NoCapacity(1000)
			w.changeImage("web", "nginx:1.9.1")
			w.awaitPod("web", "over", expired)
			if took := time.Since(began); took < 120*time.Second || took > 140*time.Second {
				t.Errorf("it was active for %s", took)
			}
		})
	})
	t.Run("that is brought forward", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			pod := job("work", "nginx", corev1.RestartPolicyNever)
			pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](60)
			w.create(pod)
			w.awaitPod("work", "running", running)
			w.edit("work", func(pod *corev1.Pod) {
				pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](30) // the API server lets it be shortened alone
			})
			began := time.Now()
			w.awaitPod("work", "over", expired)
			if took := time.Since(began); took > 45*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	})
}

// Nobody looks after a pod that went before its deadline.
func TestDeadlineOfAPodThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if n := fargate.DeadlinesAfterTheEnd(); n > 0 {
			t.Errorf("%d pods are looked after", n)
		}
	})
}
