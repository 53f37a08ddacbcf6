package fargate_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// changeImage is kubectl set image pod/NAME.
func (w *world) changeImage(name, image string) {
	w.Helper()
	w.edit(name, func(pod *corev1.Pod) { pod.Spec.Containers[0].Image = image }) // the process that is there, or was, sees it
}

// A container whose image changes starts again with the new one, as on an ordinary node; for tasks that is a new task.
func TestImageOfARunningPodChanges(t *testing.T) {
	for name, away := range map[string]bool{"while the daemon runs": false, "while the daemon is away": true} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				w.create(nginx("web"))
				before := w.awaitPod("web", "running", running)
				if away {
					w.stopProvider()
				}
				w.changeImage("web", "nginx:1.9.1")
				if away {
					w.start()
				}
				pod := w.awaitPod("web", "has restarted", func(pod *corev1.Pod) bool { return running(pod) && container(pod).RestartCount == 1 })
				if got := container(pod); !strings.HasPrefix(got.ImageID, "nginx:1.9.1@") || got.ContainerID == container(before).ContainerID {
					t.Errorf("it runs %s, %s", got.ImageID, got.ContainerID)
				}
				if told := w.told("Killing"); len(told) == 0 || told[0] != "Killing Container nginx definition changed, will be restarted" {
					t.Errorf("told %q", told)
				}
				if tasks := w.active(); len(tasks) != 1 {
					t.Errorf("%d tasks", len(tasks))
				}
			})
		})
	}
}

// What has an end, and may end with success at a stop, is not stopped for its image: its user is told once.
func TestImageOfAPodThatDoesNotRestartAlways(t *testing.T) {
	for _, policy := range []corev1.RestartPolicy{corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure} {
		t.Run(string(policy), func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				pod := nginx("web")
				pod.Spec.RestartPolicy = policy
				w.create(pod)
				w.awaitPod("web", "running", running)
				w.changeImage("web", "nginx:1.9.1")
				time.Sleep(time.Minute) // on the bubble's clock
				if told := w.told("ImageChangeNotApplied"); len(told) != 1 || !running(w.pod("default", "web")) || len(w.sim.Tasks()) != 1 {
					t.Errorf("told %q, and the pod is %+v", told, w.pod("default", "web").Status)
				}
			})
		})
	}
}

// A container that has ended has no use for another image, and the others go on.
func TestImageOfAContainerThatHasEnded(t *testing.T) {
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
		w.start()
		w.create(several("work", corev1.RestartPolicyOnFailure, "a=works b=serves"))
		w.awaitPod("work", "half over", func(pod *corev1.Pod) bool {
			return len(pod.Status.ContainerStatuses) == 2 && pod.Status.ContainerStatuses[0].State.Terminated != nil
		})
		w.changeImage("work", "long")
		time.Sleep(time.Minute) // on the bubble's clock
		if told := append(w.told("ImageChangeNotApplied"), w.told("Killing")...); len(told) > 0 || len(w.active()) != 1 {
			t.Errorf("told %q, and the pod is %+v", told, w.pod("default", "work").Status)
		}
	})
}

func TestImageOfAnInitContainer(t *testing.T) {
	for name, row := range map[string]struct {
		containers string
		restarts   int
	}{
		"that has done its work":         {"i=works | a=serves", 0},
		"that is a sidecar, and has not": {"+i=serves | a=serves", 1},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
				w.start()
				w.create(several("web", corev1.RestartPolicyAlways, row.containers))
				w.awaitPod("web", "running", running)
				w.edit("web", func(pod *corev1.Pod) { pod.Spec.InitContainers[0].Image = "serves:2" })
				time.Sleep(time.Minute) // on the bubble's clock
				pod := w.awaitPod("web", "running", running)
				if got := len(w.sim.Tasks()) - 1; got != row.restarts {
					t.Errorf("%d restarts, and the pod is %+v", got, pod.Status)
				}
			})
		})
	}
}

// The image is part of what kubelet's back-offs count by: what is mended starts at once.
func TestImageIsMended(t *testing.T) {
	crash, typo := fargatesim.Exits(1, 20*time.Second), fargatesim.Script{PullError: "CannotPullContainerError: not found"}
	for name, row := range map[string]struct {
		image string
		when  func(*corev1.Pod) bool
		runs  bool // the task
		away  bool // the daemon
		limit time.Duration
	}{
		"while a pull backs off":                              {"typo", waitsFor("ImagePullBackOff"), false, false, time.Second},
		"while a crash backs off":                             {"crash", waitsFor("CrashLoopBackOff"), false, false, time.Second},
		"while it runs after crashes":                         {"crash", running, true, false, 5 * time.Second},
		"while a pull backs off and the daemon is away":       {"typo", waitsFor("ImagePullBackOff"), false, true, backOffFirst + time.Second},
		"while a crash backs off, and the daemon is away":     {"crash", waitsFor("CrashLoopBackOff"), false, true, time.Second},
		"while it runs after crashes, and the daemon is away": {"crash", running, true, true, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"typo": typo, "crash": crash}}}, func(w *world) {
				w.start()
				w.create(several("web", corev1.RestartPolicyAlways, "a="+row.image))
				w.await("the fourth task, or its end", func() bool {
					return len(w.sim.Tasks()) == 4 && (len(w.active()) == 1) == row.runs && row.when(w.pod("default", "web"))
				})
				if row.away {
					w.stopProvider()
				}
				w.changeImage("web", "serves")
				if row.away {
					w.start()
				}
				mended := time.Now()
				w.awaitPod("web", "running with its new image", func(pod *corev1.Pod) bool {
					tasks := w.active()
					return running(pod) && len(tasks) == 1 && aws.ToString(tasks[0].Containers[0].Image) == "serves" &&
						strings.HasPrefix(container(pod).ContainerID, "ecs://"+aws.ToString(tasks[0].TaskArn))
				})
				if took := time.Since(mended); took > row.limit {
					t.Errorf("it ran %s later", took)
				}
				time.Sleep(10 * time.Minute) // on the bubble's clock: longer than the back-off that is no more
				if tasks := len(w.sim.Tasks()); tasks != 5 {
					t.Errorf("%d tasks", tasks)
				}
			})
		})
	}
}

// backOffFirst is Kubernetes' own.
const backOffFirst = 10 * time.Second

// A launch that finds the task of one before it, with an image that the pod has no more: that it is to end is seen while
// the launch is not over, here for the second that telling of it takes.
func TestImageChangesWhileTheLaunchIsUnanswered(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.log = slog.New(slowToTell{w.log.Handler()})
		w.start()
		w.sim.Inject("RunTask", 3, lost) // all tries of the first launch
		w.create(nginx("web"))
		w.await("its task", func() bool { return len(w.sim.Tasks()) == 1 })
		w.awaitPod("web", "told", waitsFor("AWSUnreachable"))
		w.changeImage("web", "nginx:1.9.1")
		w.await("a task with the new image alone", func() bool {
			tasks := w.active()
			return len(tasks) == 1 && aws.ToString(tasks[0].Containers[0].Image) == "nginx:1.9.1"
		})
	})
}

// slowToTell takes a second to write that a task was started.
type slowToTell struct{ slog.Handler }

func (s slowToTell) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == "task started" {
		time.Sleep(time.Second) // on the bubble's clock
	}
	return s.Handler.Handle(ctx, record)
}
