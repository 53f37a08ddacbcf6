package vknode

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
)

// world is a cluster with one virtual node, on the bubble's clock.
type world struct {
	*testing.T
	api   *apiServer
	cloud *cloud
	node  *Node
}

func testConfig() Config {
	return Config{
		Node:        &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "vk"}},
		Annotations: []string{"example.com/ours"},
		Log:         slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, api: newAPIServer(), cloud: newCloud()}
	var err error
	if w.node, err = newNode(testConfig(), clients{w.api, w.api, w.api, w.api}); err != nil {
		t.Fatal(err)
	}
	w.cloud.pods = w.node.Pods()
	return w
}

// start runs the node until the test's end: with the repairs, or the core as
// it comes.
func (w *world) start(repaired bool) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if repaired {
			w.node.runAll(ctx, w.node.control(w.cloud, 10250))
		} else {
			w.runBare(ctx)
		}
	})
	w.Cleanup(func() {
		cancel()
		done.Wait()
		time.Sleep(time.Minute) // the core's sleeps that have no context
	})
	time.Sleep(time.Second)
}

// runBare is the core with nothing between it and the provider.
func (w *world) runBare(ctx context.Context) {
	n := w.node
	n.podFactory.Start(ctx.Done())
	defer n.podFactory.Shutdown()
	n.podFactory.WaitForCacheSync(ctx.Done())
	unused := informers.NewSharedInformerFactory(w.api, 0).Core().V1()
	controller, err := node.NewPodController(node.PodControllerConfig{
		PodClient: w.api.CoreV1(), PodInformer: n.pods, EventRecorder: n.recorder, Provider: w.cloud,
		ConfigMapInformer: unused.ConfigMaps(), SecretInformer: unused.Secrets(), ServiceInformer: unused.Services(),
		SkipDownwardAPIResolution: true,
	})
	if err != nil {
		w.Error(err)
		return
	}
	if err := controller.Run(ctx, 20); err != nil {
		w.Error(err)
	}
	n.events.Shutdown()
}

func (w *world) waitFor(name, state string) {
	w.Helper()
	pod := w.api.pod(name)
	if until(func() bool { return w.cloud.state(pod.UID) == state }, time.Hour) >= time.Hour {
		w.Fatalf("pod %s is %s, never %s", name, w.cloud.state(pod.UID), state)
	}
	time.Sleep(500 * time.Millisecond) // for the status to be written
}

// goes deletes a pod and tells when its object is gone, and what its task did
// at that moment.
func (w *world) goes(name string, grace int64) string {
	uid := w.api.pod(name).UID
	w.api.deletePod(w.T, name, grace)
	took := until(func() bool { return w.api.pod(name) == nil }, time.Hour)
	if took >= time.Hour {
		return "never gone, task " + w.cloud.state(uid)
	}
	return fmt.Sprintf("gone after %v, task %s", took.Truncate(time.Second), w.cloud.state(uid))
}

// TestRepairs runs each story twice: bare is how the core alone fails, which
// is what makes the repair necessary; repaired is what users are promised.
func TestRepairs(t *testing.T) {
	for name, s := range map[string]struct {
		why            string
		play           func(w *world, start func()) string
		bare, repaired string
	}{
		"a pod whose container ends early is gone at once": {
			why: "kubectl delete must not take 30 s for a container that ends in one",
			play: func(w *world, start func()) string {
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				return w.goes("web", 30)
			},
			bare:     "gone after 30s, task ended",
			repaired: "gone after 1s, task ended",
		},
		"a StatefulSet's pod deleted while its task is being provisioned": {
			why: "its successor of the same name must not run beside it",
			play: func(w *world, start func()) string {
				w.cloud.provisioning, w.cloud.stopping = time.Minute, 20*time.Second
				start()
				w.api.createPod(w.T, "db-0")
				w.waitFor("db-0", "starting")
				return w.goes("db-0", 30)
			},
			bare:     "gone after 0s, task stopping",
			repaired: "gone after 20s, task ended",
		},
		"AWS is down past the grace period": {
			why: "an object that goes before its task leaves a task that nobody sees",
			play: func(w *world, start func()) string {
				w.cloud.stopping = 2 * time.Minute
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				return w.goes("web", 30)
			},
			bare:     "gone after 30s, task stopping",
			repaired: "gone after 2m0s, task ended",
		},
		"DeletePod errs thirty times": {
			why: "the core gives up for good, and the pod is Terminating for ever",
			play: func(w *world, start func()) string {
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				synctest.Wait()
				w.cloud.fails["DeletePod"] = 30
				gone, _, _ := strings.Cut(w.goes("web", 30), " after")
				return gone
			},
			bare:     "never gone, task running",
			repaired: "gone",
		},
		"a pod that a user deletes by force": {
			why: "the object is gone at once, and the task must go, too",
			play: func(w *world, start func()) string {
				start()
				pod := w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				w.api.deletePod(w.T, "web", 0)
				time.Sleep(time.Minute)
				return w.cloud.state(pod.UID)
			},
			bare:     "ended",
			repaired: "ended", // and must stay so
		},
		"a pod deleted while the watch was down": {
			why: "its task would run, and cost, for ever",
			play: func(w *world, start func()) string {
				start()
				pod := w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				w.api.outage(func() { w.api.deletePod(w.T, "web", 0) })
				time.Sleep(10 * time.Minute)
				return w.cloud.state(pod.UID)
			},
			bare:     "running",
			repaired: "ended",
		},
		"a pod made again under its name while the watch was down": {
			why: "the former task would run for ever, the new pod never",
			play: func(w *world, start func()) string {
				start()
				former := w.api.createPod(w.T, "db-0")
				w.waitFor("db-0", "running")
				var latter *corev1.Pod
				w.api.outage(func() {
					w.api.deletePod(w.T, "db-0", 0)
					pod := former.DeepCopy()
					pod.UID = "latter"
					if err := (strictTracker{w.api.tracker, w.api}).Create(podResource, pod, "default"); err != nil {
						w.Fatal(err)
					}
					latter = w.api.pod("db-0")
				})
				time.Sleep(10 * time.Minute)
				return w.cloud.state(former.UID) + ", " + w.cloud.state(latter.UID)
			},
			bare:     "running, none",
			repaired: "ended, running",
		},
		"a pod made again at once after a deletion by force": {
			why: "the core sees the name only, and that it exists",
			play: func(w *world, start func()) string {
				start()
				former := w.api.createPod(w.T, "db-0")
				w.waitFor("db-0", "running")
				w.api.deletePod(w.T, "db-0", 0)
				latter := w.api.createPod(w.T, "db-0")
				time.Sleep(10 * time.Minute)
				return w.cloud.state(former.UID) + ", " + w.cloud.state(latter.UID)
			},
			bare:     "running, none",
			repaired: "ended, running",
		},
		"a pod whose name was taken by another while we were down": {
			why: "the core looks for left-over tasks by name",
			play: func(w *world, start func()) string {
				latter := w.api.createPod(w.T, "db-0")
				w.cloud.leave("former", "db-0")
				start()
				time.Sleep(10 * time.Minute)
				return w.cloud.state("former") + ", " + w.cloud.state(latter.UID)
			},
			bare:     "running, none",
			repaired: "ended, running",
		},
		"a pod that was deleted while we were down, and a first try that fails": {
			why: "the core tries it once",
			play: func(w *world, start func()) string {
				w.cloud.fails["DeletePod"] = 1
				w.cloud.leave("left", "web")
				start()
				time.Sleep(10 * time.Minute)
				return w.cloud.state("left")
			},
			bare:     "running",
			repaired: "ended",
		},
		"what others write between two of our statuses": {
			why: "a PUT of what we knew takes back a label, an annotation, a finalizer, a readiness gate",
			play: func(w *world, start func()) string {
				w.cloud.provisioning = time.Minute
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "starting")
				stale := w.api.pod("web")
				w.api.edit(w.T, "web", func(pod *corev1.Pod) {
					pod.Labels["label"] = "theirs"
					pod.Annotations = map[string]string{"annotation": "theirs"}
					pod.Finalizers = []string{"example.com/finalizer"}
					pod.Status.Conditions = append(pod.Status.Conditions,
						corev1.PodCondition{Type: "target-health.elbv2.k8s.aws/x", Status: corev1.ConditionTrue})
				})
				time.Sleep(time.Second)
				stale.Status.Phase = corev1.PodRunning
				stale.Annotations = map[string]string{"example.com/ours": "task"}
				w.cloud.send(stale)
				time.Sleep(time.Second)
				pod := w.api.pod("web")
				_, gate := findCondition(pod.Status.Conditions, "target-health.elbv2.k8s.aws/x")
				return fmt.Sprintln(pod.Status.Phase, pod.Labels["label"], pod.Annotations, pod.Finalizers, gate)
			},
			bare:     "Running  map[example.com/ours:task] [] false\n",
			repaired: "Running theirs map[annotation:theirs example.com/ours:task] [example.com/finalizer] true\n",
		},
		"a status notified twice, and a label changed later": {
			why: "the core remembers that it skipped the second, and sends it to undo the user's change",
			play: func(w *world, start func()) string {
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				known := w.api.pod("web")
				w.cloud.send(known)
				time.Sleep(time.Second)
				w.cloud.send(known)
				time.Sleep(time.Second)
				w.api.edit(w.T, "web", func(pod *corev1.Pod) { pod.Labels["app"] = "theirs" })
				time.Sleep(time.Minute)
				return w.api.pod("web").Labels["app"]
			},
			bare:     "web",
			repaired: "theirs",
		},
		"news of a pod's former bearer of the name, right behind its own": {
			why: "the core keeps one status a name: the latter's would be lost",
			play: func(w *world, start func()) string {
				start()
				former := w.api.createPod(w.T, "db-0")
				w.waitFor("db-0", "running")
				w.api.deletePod(w.T, "db-0", 0)
				time.Sleep(time.Minute)
				w.cloud.provisioning = time.Hour
				latter := w.api.createPod(w.T, "db-0")
				w.waitFor("db-0", "starting")
				latter.Status.Phase, former.Status.Phase = corev1.PodRunning, corev1.PodFailed
				w.cloud.send(latter)
				w.cloud.send(former)
				time.Sleep(10 * time.Minute)
				return string(w.api.pod("db-0").Status.Phase)
			},
			bare:     "Pending",
			repaired: "Running",
		},
		"a condition of ours that another has overwritten, and the same status again": {
			why: "node lifecycle sets Ready to False after an outage; the core takes the cure for a repetition",
			play: func(w *world, start func()) string {
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				known := w.api.pod("web")
				w.cloud.send(known)
				time.Sleep(time.Second)
				w.api.edit(w.T, "web", func(pod *corev1.Pod) { pod.Status.Conditions[0].Status = corev1.ConditionFalse })
				time.Sleep(time.Second)
				w.cloud.send(known)
				time.Sleep(time.Minute)
				return string(w.api.pod("web").Status.Conditions[0].Status)
			},
			bare:     "False",
			repaired: "True",
		},
		"a status that goes back to what a cache that lags still shows": {
			why: "against the cache alone there is no difference, and the one between would stay",
			play: func(w *world, start func()) string {
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				w.api.stall()
				pod := w.api.pod("web")
				pod.Status.Message = "throttled"
				w.cloud.send(pod)
				time.Sleep(time.Second)
				between := w.api.pod("web").Status.Message
				pod.Status.Message = ""
				w.cloud.send(pod)
				time.Sleep(time.Minute)
				return fmt.Sprintf("%q then %q", between, w.api.pod("web").Status.Message)
			},
			bare:     `"throttled" then "throttled"`,
			repaired: `"throttled" then ""`,
		},
		"a Job's pod whose CreatePod errs once": {
			why: "the core marks a pod with restartPolicy Never Failed at the first error",
			play: func(w *world, start func()) string {
				w.cloud.fails["CreatePod"] = 1
				start()
				pod := w.api.createPod(w.T, "job", func(pod *corev1.Pod) { pod.Spec.RestartPolicy = corev1.RestartPolicyNever })
				time.Sleep(time.Minute)
				return fmt.Sprint(w.api.pod("job").Status.Phase, ", task ", w.cloud.state(pod.UID))
			},
			bare:     "Failed, task none",
			repaired: "Running, task running",
		},
		"CreatePod errs thirty times": {
			why: "the core gives a pod up after 55 minutes, and it is Pending for ever",
			play: func(w *world, start func()) string {
				w.cloud.fails["CreatePod"] = 30
				start()
				pod := w.api.createPod(w.T, "web")
				time.Sleep(90 * time.Minute)
				return w.cloud.state(pod.UID)
			},
			bare:     "none",
			repaired: "running",
		},
		"two hundred pods at once": {
			why: "the core takes ten a second, beyond the first hundred",
			play: func(w *world, start func()) string {
				start()
				for i := range 200 {
					w.api.createPod(w.T, fmt.Sprintf("web-%d", i))
				}
				i := 0
				took := until(func() bool {
					for i < 200 && w.api.pod(fmt.Sprintf("web-%d", i)).Status.Phase == corev1.PodRunning {
						i++
					}
					return i == 200
				}, time.Hour)
				if took > 2*time.Second {
					return "slowly"
				}
				return "at once"
			},
			bare:     "slowly",
			repaired: "at once",
		},
		"a pod's deletion timestamp in what is notified": {
			why: "the API server refuses another grace period, and the core repeats it",
			play: func(w *world, start func()) string {
				start()
				w.api.createPod(w.T, "web")
				w.waitFor("web", "running")
				pod := w.api.pod("web")
				now, grace := metav1.Now(), int64(5)
				pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &now, &grace
				w.cloud.send(pod)
				time.Sleep(time.Minute)
				if w.api.pod("web") == nil {
					return "deleted by the core"
				}
				return "left alone"
			},
			bare:     "deleted by the core",
			repaired: "left alone",
		},
	} {
		for _, repaired := range []bool{false, true} {
			title, want := name+"/the core alone", s.bare
			if repaired {
				title, want = name+"/repaired", s.repaired
			}
			t.Run(title, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					got := s.play(w, func() { w.start(repaired) })
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", s.why, diff)
					}
				})
			})
		}
	}
}
