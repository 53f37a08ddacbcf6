package fargate_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func sleep(seconds int64) *corev1.LifecycleHandler {
	return &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: seconds}}
}

func call(path string) *corev1.LifecycleHandler {
	return &corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(80), Scheme: corev1.URISchemeHTTP}}
}

// lasting is a pod with this grace and this preStop hook.
func lasting(name string, grace int64, hook *corev1.LifecycleHandler) *corev1.Pod {
	pod := nginx(name)
	pod.Spec.TerminationGracePeriodSeconds = &grace
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: hook}
	return pod
}

// awaitStop waits until ECS has been asked to stop a task, and returns how long that took.
func (w *world) awaitStop(taskARN string) time.Duration {
	w.Helper()
	began := time.Now()
	if _, err := w.sim.AwaitTask(w.Context(), func(task ecstypes.Task) bool {
		return aws.ToString(task.TaskArn) == taskARN && aws.ToString(task.DesiredStatus) == "STOPPED"
	}); err != nil {
		w.Fatal(err)
	}
	return time.Since(began)
}

// about tells whether a time is the one wanted, or a second more.
func about(want, got time.Duration) bool { return got >= want && got <= want+time.Second }

func TestPreStopComesBeforeTheStop(t *testing.T) {
	for why, row := range map[string]struct {
		grace int64
		hook  *corev1.LifecycleHandler
		act   func(*world, *corev1.Pod) // after the deletion
		want  time.Duration
		fails bool
	}{
		"a sleep":                            {30, sleep(20), nil, 20 * time.Second, false},
		"a sleep longer than the grace":      {30, sleep(600), nil, 30 * time.Second, false},
		"a call":                             {30, call("/end"), nil, 0, false},
		"a call to nobody":                   {30, &corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("none")}}, nil, 0, true},
		"a command, which is not run":        {30, &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}, nil, 0, false},
		"no grace, no hook":                  {0, sleep(20), nil, 0, false},
		"a second deletion with less grace":  {600, sleep(500), func(w *world, pod *corev1.Pod) { time.Sleep(5 * time.Second); w.delete("web", ptr.To[int64](15)) }, 15 * time.Second, false},
		"a second deletion without grace":    {600, sleep(500), func(w *world, pod *corev1.Pod) { time.Sleep(5 * time.Second); w.delete("web", ptr.To[int64](0)) }, 5 * time.Second, false},
		"an object that is gone":             {600, sleep(500), func(w *world, pod *corev1.Pod) { time.Sleep(5 * time.Second); w.vanish("web") }, 5 * time.Second, false},
		"an end asked for again and again":   {60, sleep(30), func(w *world, pod *corev1.Pod) { w.terminateFor(pod, 20*time.Second) }, 30 * time.Second, false},
		"a daemon that restarts":             {60, sleep(30), func(w *world, pod *corev1.Pod) { w.restartAfter(10 * time.Second); w.terminateFor(pod, 0) }, 30 * time.Second, false},
		"a daemon that restarts, and a call": {60, call("/end"), func(w *world, pod *corev1.Pod) { w.restartAfter(0); w.terminateFor(pod, 0) }, 0, false},
		"a daemon that was down too long":    {60, sleep(50), func(w *world, pod *corev1.Pod) { w.restartAfter(10 * time.Minute); w.terminateFor(pod, 0) }, 10 * time.Minute, false},
	} {
		t.Run(why, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.site = &site{}
				w.site.status.Store(500) // any answer will do
				w.start()
				w.create(lasting("web", row.grace, row.hook))
				pod := w.awaitPod("web", "running", running)
				stopped := make(chan time.Duration)
				go func() { stopped <- w.awaitStop(pod.Annotations[annotationTaskARN]) }()
				w.delete("web", &row.grace)
				w.provider.Terminate(w.Context(), pod.UID)
				if row.act != nil {
					row.act(w, pod)
				}
				if took := <-stopped; !about(row.want, took) {
					t.Errorf("the stop came after %s, want %s", took, row.want)
				}
				if now := w.pod("default", "web"); now != nil && (container(now).State.Running == nil && row.want > 0 && row.act == nil) {
					t.Errorf("while its hook ran the container became %+v", container(now).State)
				}
				if told := w.told("FailedPreStopHook"); (len(told) > 0) != row.fails || row.fails && told[0] != "FailedPreStopHook PreStopHook failed" {
					t.Errorf("events %v", told)
				}
				if row.hook.HTTPGet != nil && !row.fails && w.site.count("/end") == 0 {
					t.Error("it was not called")
				}
				if w.pod("default", "web") != nil {
					w.await("its end", func() bool { return w.provider.Terminate(w.Context(), pod.UID) })
					w.vanish("web")
				}
			})
		})
	}
}

// terminateFor asks for a pod's end each second, as vknode does.
func (w *world) terminateFor(pod *corev1.Pod, time_ time.Duration) {
	for end := time.Now().Add(time_); ; time.Sleep(time.Second) {
		w.provider.Terminate(w.Context(), pod.UID)
		if !time.Now().Before(end) {
			return
		}
	}
}

// restartAfter ends the daemon, and starts it again after a time.
func (w *world) restartAfter(pause time.Duration) {
	time.Sleep(time.Second)
	w.stopProvider()
	time.Sleep(pause)
	w.start()
}

// Where the task ends without us, nobody waits: Spot, retirement, memory.
func TestPreStopIsNotCalledWhereTheTaskEndsByItself(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.site = &site{}
		w.site.status.Store(200)
		w.start()
		w.create(lasting("web", 60, call("/end")))
		pod := w.awaitPod("web", "running", running)
		w.sim.InterruptSpot(pod.Annotations[annotationTaskARN])
		w.awaitPod("web", "failed", phase(corev1.PodFailed))
		w.remove("web")
		if n := w.site.count("/end"); n != 0 {
			t.Errorf("it was called %d times", n)
		}
	})
}

func TestPreStopOfWhatIsToStartAgainOrHasHadItsTime(t *testing.T) {
	for why, row := range map[string]struct {
		change func(*corev1.Pod)
		want   time.Duration
	}{
		"a liveness probe has failed": {func(pod *corev1.Pod) { pod.Spec.Containers[0].LivenessProbe = get("/alive") }, 20 * time.Second},
		"a liveness probe with a grace of its own has": {func(pod *corev1.Pod) {
			pod.Spec.Containers[0].LivenessProbe = get("/alive")
			pod.Spec.Containers[0].LivenessProbe.TerminationGracePeriodSeconds = ptr.To[int64](7)
		}, 7 * time.Second},
		"its deadline has passed": {func(pod *corev1.Pod) { pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](100) }, 20 * time.Second},
	} {
		t.Run(why, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.site = &site{}
				w.site.status.Store(500)
				w.start()
				pod := lasting("web", 60, sleep(20))
				row.change(pod)
				w.create(pod)
				pod = w.awaitPod("web", "running", running)
				w.await("a word about its end", func() bool { return len(w.told("Killing"))+len(w.told("DeadlineExceeded")) > 0 })
				if took := w.awaitStop(pod.Annotations[annotationTaskARN]); !about(row.want-time.Second, took) {
					t.Errorf("the stop came after %s, want %s", took, row.want)
				}
				w.await("what follows", func() bool {
					pod := w.pod("default", "web")
					return expired(pod) || container(pod).RestartCount > 0
				})
				w.remove("web")
			})
		})
	}
}

func TestPostStartHook(t *testing.T) {
	starting := func(hook *corev1.LifecycleHandler) *corev1.Pod {
		pod := nginx("web")
		pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: hook}
		return pod
	}
	t.Run("until it is done the container is not ready", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.create(starting(sleep(40)))
			pod := w.awaitPod("web", "running, and not ready", unready)
			if got := container(pod); aws.ToBool(got.Started) || got.Ready {
				t.Errorf("container %+v", got)
			}
			began := container(pod).State.Running.StartedAt
			w.restartAfter(10 * time.Second)
			w.awaitPod("web", "ready", running)
			if took := time.Since(began.Time); !about(40*time.Second, took) {
				t.Errorf("it was ready %s after its start", took)
			}
			w.remove("web")
		})
	})
	t.Run("it is called once", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.site = &site{}
			w.site.status.Store(200)
			w.start()
			w.create(starting(call("/begin")))
			w.awaitPod("web", "ready", running)
			w.restartAfter(time.Minute)
			time.Sleep(time.Minute) // on the bubble's clock
			if n := w.site.count("/begin"); n != 1 || !running(w.pod("default", "web")) {
				t.Errorf("it was called %d times, the pod is %+v", n, w.pod("default", "web").Status)
			}
			w.remove("web")
		})
	})
	t.Run("its failure restarts the container", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.site = &site{} // it refuses connections
			w.start()
			w.create(starting(call("/begin")))
			w.awaitPod("web", "restarted", func(pod *corev1.Pod) bool { return container(pod).RestartCount == 1 })
			w.site.status.Store(200)
			w.awaitPod("web", "ready", running)
			if failed, killed := w.told("FailedPostStartHook"), w.told("Killing"); len(failed) == 0 || failed[0] != "FailedPostStartHook PostStartHook failed" ||
				len(killed) == 0 || killed[0] != "Killing FailedPostStartHook" {
				t.Errorf("events %v %v", failed, killed)
			}
			w.remove("web")
		})
	})
	t.Run("Never: its failure is the pod's end", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.site = &site{}
			w.start()
			pod := starting(call("/begin"))
			pod.OwnerReferences, pod.Spec.RestartPolicy, pod.Spec.Containers[0].Image = nil, corev1.RestartPolicyNever, "app"
			w.create(pod)
			w.awaitPod("web", "failed", phase(corev1.PodFailed))
			if got := len(w.sim.Tasks()); got != 1 {
				t.Errorf("%d tasks", got)
			}
		})
	})
}
