package fargate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestAWSDownAtStart(t *testing.T) {
	down := fargatesim.Fault{Refuse: true}
	t.Run("what ran is taken up once AWS answers", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.create(nginx("web"))
			w.awaitPod("web", "running", running)
			w.stopProvider()
			w.sim.Break("", down)
			time.AfterFunc(10*time.Minute, w.sim.Mend) // on the bubble's clock
			w.start()
			w.remove("web")
			if tasks, left := len(w.sim.Tasks()), len(w.active()); tasks != 1 || left != 0 {
				t.Errorf("%d tasks for one pod, %d of them left", tasks, left)
			}
		})
	})
	t.Run("waiting for it ends with the daemon", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.stopProvider()
			w.sim.Break("", down)
			ctx, cancel := context.WithCancel(w.Context())
			time.AfterFunc(10*time.Minute, cancel)
			began := time.Now()
			if err := w.provider.Recover(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want that of the context", err)
			}
			if took := time.Since(began); took != 10*time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	})
}

// Nobody sees the end of the older pod, and its task starts after that.
func TestPodIsDeletedAndMadeAgainUnderItsNameWhileItsLaunchIsUnderWay(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays}, func(w *world) {
		w.start()
		w.sim.Inject("RunTask", 1, fargatesim.Fault{Delay: 5 * time.Second})
		w.create(nginx("web"))
		w.await("RunTask under way", func() bool { return w.sim.Calls("RunTask") == 1 })
		_ = w.pods.Delete(w.pod("default", "web")) // its deletion is never seen, as in a gap of the watch
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.await("the stop of the older task", func() bool { return len(w.active()) == 1 })
		if got := len(w.sim.Tasks()); got != 2 {
			t.Errorf("%d tasks for two pods", got)
		}
		w.awaitPod("web", "still running", running)
	})
}
