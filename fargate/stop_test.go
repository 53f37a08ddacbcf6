package fargate_test

import (
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestStopThatCameTooEarlyIsAskedAgain(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		// ECS is eventually consistent: StopTask may not know what RunTask has just started.
		w.sim.Inject("StopTask", 1, fargatesim.Fault{Error: &fargatesim.Error{
			Code: "InvalidParameterException", Message: "The referenced task was not found."}})
		w.create(nginx("web"))
		w.await("its task", func() bool { return len(w.sim.Tasks()) == 1 })
		w.remove("web")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

func TestStopsKeepTheirBackOffThoughTheEndIsAskedForEachSecond(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		pod := w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.sim.Break("StopTask", fargatesim.Fault{Error: fargatesim.AccessDenied("ecs:StopTask")})
		for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
			w.provider.Terminate(w.Context(), pod.UID)
		}
		// 0.5 s doubling to 30 s: 7 in the first half minute, 2 a minute after it.
		if got := w.sim.Calls("StopTask"); got < 10 || got > 20 {
			t.Errorf("%d StopTask in five minutes", got)
		}
		w.sim.Mend()
		w.remove("web")
		if got := w.provider.Retries(pod); got != 0 {
			t.Errorf("the back-off of %d retries is remembered of a pod that is gone", got)
		}
	})
}

func TestBackOffIsForgottenWithWhatItWasFor(t *testing.T) {
	for name, story := range map[string]func(*world, *corev1.Pod){
		"a launch that succeeds at last": func(w *world, pod *corev1.Pod) {
			w.sim.NoCapacity(3)
			w.create(pod)
			w.await("retries", func() bool { return w.provider.Retries(pod) > 1 })
			w.awaitPod("web", "running", running)
		},
		"a launch whose pod is deleted": func(w *world, pod *corev1.Pod) {
			w.sim.NoCapacity(100)
			w.create(pod)
			w.await("retries", func() bool { return w.provider.Retries(pod) > 1 })
			w.remove("web")
		},
		"a stop of a task that ends by itself": func(w *world, pod *corev1.Pod) {
			w.create(pod)
			arn := w.awaitPod("web", "running", running).Annotations[annotationTaskARN]
			w.sim.Break("StopTask", fargatesim.Fault{Error: fargatesim.AccessDenied("ecs:StopTask")})
			w.provider.Terminate(w.Context(), pod.UID)
			w.await("retries", func() bool { return w.provider.Retries(pod) > 1 })
			w.sim.InterruptSpot(arn)
			w.remove("web")
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				pod := nginx("web")
				story(w, pod)
				synctest.Wait()
				if got := w.provider.Retries(pod); got != 0 {
					t.Errorf("%d retries are remembered", got)
				}
			})
		})
	}
}
