package fargate_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// killer kills a daemon in one of its calls: nothing that it does after it has any effect.
type killer struct {
	mu    sync.Mutex // guards all below
	at    int        // the call to die in, counted from 1; 0: not yet
	calls int
	done  bool // has killed
	dead  bool
	last  fargatesim.Fault // of the call it dies in
}

func (k *killer) fault(string, int) *fargatesim.Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return &fargatesim.Fault{Refuse: true}
	}
	if k.calls++; k.at == 0 || k.calls < k.at || k.done {
		return nil
	}
	k.done, k.dead = true, true
	return &k.last
}

func (k *killer) isDead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}

func (k *killer) revive() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = false
}

// arm has the daemon die in the nth call from now.
func (k *killer) arm(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at = k.calls + n
}

func (k *killer) hasKilled() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.done
}

// Between any two calls: the one it dies in has had its effect, or has not.
func TestDaemonKilledInAnyCall(t *testing.T) {
	lives := map[string]func(*world){
		"a pod runs and is deleted": func(w *world) {
			w.create(nginx("web"))
			w.awaitPod("web", "running", running)
			w.remove("web")
			if got := len(w.sim.Tasks()); got != 1 {
				w.Errorf("%d tasks for one pod", got)
			}
		},
		"a pod is deleted as soon as it has a task": func(w *world) {
			w.create(nginx("web"))
			w.await("its task", func() bool { return len(w.sim.Tasks()) == 1 })
			w.remove("web")
		},
		"a pod has values from a Secret": func(w *world) {
			w.create(withPassword(nginx("web")))
			w.awaitPod("web", "running", running)
			if got := len(w.sim.Secrets()); got != 2 { // the Secret's, and what is made of it
				w.Errorf("%d secrets for one Secret", got)
			}
			w.remove("web")
		},
		"a Job ends": func(w *world) {
			w.create(job("work", "work", corev1.RestartPolicyNever))
			w.awaitPod("work", "over", phase(corev1.PodSucceeded))
			if got := len(w.sim.Tasks()); got != 1 {
				w.Errorf("%d tasks for one pod", got)
			}
			w.remove("work")
		},
		"a pod crashes twice": func(w *world) {
			w.create(job("crash", "crash", corev1.RestartPolicyOnFailure))
			w.awaitPod("crash", "restarted", func(pod *corev1.Pod) bool { return container(pod).RestartCount == 2 })
			attempts := map[int]bool{}
			for _, task := range w.sim.Tasks() {
				id, _ := podid.FromTask(task)
				attempts[id.Attempt] = true
			}
			if tasks := len(w.sim.Tasks()); tasks != 3 || len(attempts) != 3 {
				w.Errorf("%d tasks of attempts %v, want one for each of three", tasks, attempts)
			}
			w.remove("crash")
		},
	}
	ends := map[string]fargatesim.Fault{"with its effect": {Lose: true}, "without its effect": {Refuse: true}}
	images := map[string]fargatesim.Script{"work": fargatesim.Exits(0, time.Second), "crash": fargatesim.Exits(1, time.Second)}
	for name, live := range lives {
		for end, fault := range ends {
			for n, killed := 1, true; killed; n++ {
				killed = false // also where -run leaves it out
				t.Run(fmt.Sprintf("%s/%s/call %d", name, end, n), func(t *testing.T) {
					k := &killer{last: fault}
					tell(t, fargatesim.Config{Lag: fargatesim.Lag{Describe: 2 * time.Second, List: 20 * time.Second}, Fault: k.fault, Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
						w.dead, w.revive = k.isDead, k.revive
						w.config.ExecutionRoleARN = executionRole
						w.createSecret("1")
						w.start()
						k.arm(n)
						live(w)
						if left := w.active(); len(left) > 0 {
							t.Errorf("%d tasks left", len(left))
						}
						time.Sleep(time.Minute) // on the bubble's clock: shared look-ups of definitions outlive their process
					})
					killed = k.hasKilled()
				})
			}
		}
	}
}
