package fargate_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// several is a bare pod of containers, given as name=image; those before a "|" are init containers, and of these the ones
// that begin with "+" sidecars.
func several(name string, policy corev1.RestartPolicy, containers string) *corev1.Pod {
	pod := nginx(name)
	pod.OwnerReferences, pod.Spec.RestartPolicy, pod.Spec.Containers = nil, policy, nil
	before, after, hasInit := strings.Cut(containers, "|")
	if !hasInit {
		before, after = "", before
	}
	always := corev1.ContainerRestartPolicyAlways
	for _, text := range strings.Fields(before) {
		text, isSidecar := strings.CutPrefix(text, "+")
		name, image, _ := strings.Cut(text, "=")
		c := corev1.Container{Name: name, Image: image}
		if isSidecar {
			c.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	for _, text := range strings.Fields(after) {
		name, image, _ := strings.Cut(text, "=")
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Image: image})
	}
	return pod
}

// images end by themselves after some seconds, but for "serves".
var images = map[string]fargatesim.Script{
	"works": fargatesim.Exits(0, 5*time.Second), "long": fargatesim.Exits(0, 30*time.Second), "quick": fargatesim.Exits(0, time.Second), "fails": fargatesim.Exits(3, 2*time.Second), "serves": {},
}

// ends are the exit codes of containers that have ended, by name.
func ends(statuses ...corev1.ContainerStatus) map[string]int32 {
	codes := map[string]int32{}
	for _, s := range statuses {
		if s.State.Terminated != nil {
			codes[s.Name] = s.State.Terminated.ExitCode
		}
	}
	return codes
}

func TestInitContainersRunInOrderBeforeTheOthers(t *testing.T) {
	tell(t, fargatesim.Config{Delays: fargatesim.FargateDelays, Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
		w.start()
		w.create(several("web", corev1.RestartPolicyAlways, "first=works second=works | web=serves"))
		pod := w.awaitPod("web", "in its first init container", func(pod *corev1.Pod) bool {
			return len(pod.Status.InitContainerStatuses) == 2 && pod.Status.InitContainerStatuses[0].State.Running != nil
		})
		if pod.Status.Phase != corev1.PodPending || condition(pod, corev1.PodInitialized) != corev1.ConditionFalse || !waitsFor("PodInitializing")(pod) ||
			pod.Status.InitContainerStatuses[1].State.Waiting == nil {
			t.Errorf("while the first runs the pod is %+v", pod.Status)
		}
		pod = w.awaitPod("web", "running", running)
		for _, s := range pod.Status.InitContainerStatuses {
			if s.State.Terminated == nil || s.State.Terminated.ExitCode != 0 || !s.Ready {
				t.Errorf("init container %+v", s)
			}
		}
		if condition(pod, corev1.PodInitialized) != corev1.ConditionTrue {
			t.Errorf("conditions %+v", pod.Status.Conditions)
		}
		w.remove("web")
	})
}

// The containers after it would wait for its success for ever.
func TestInitContainerThatFails(t *testing.T) {
	for policy, settled := range map[corev1.RestartPolicy]func(*corev1.Pod) bool{
		corev1.RestartPolicyNever: phase(corev1.PodFailed),
		corev1.RestartPolicyAlways: func(pod *corev1.Pod) bool {
			s := pod.Status.InitContainerStatuses
			return len(s) == 2 && s[1].RestartCount == 2 && s[1].State.Waiting != nil && s[1].State.Waiting.Reason == "CrashLoopBackOff"
		},
	} {
		t.Run(string(policy), func(t *testing.T) {
			tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
				w.start()
				w.create(several("web", policy, "first=quick second=fails | web=serves"))
				pod := w.awaitPod("web", "settled", settled)
				if got := pod.Status.InitContainerStatuses[1]; ends(got)["second"] != 3 && ends(corev1.ContainerStatus{Name: "second", State: got.LastTerminationState})["second"] != 3 {
					t.Errorf("the failed init container is %+v", got)
				}
				for _, s := range pod.Status.ContainerStatuses {
					if s.ContainerID != "" {
						t.Errorf("container %s ran: %+v", s.Name, s)
					}
				}
				w.remove("web")
				if left := w.active(); len(left) > 0 {
					t.Errorf("%d tasks left", len(left))
				}
			})
		})
	}
}

func TestJobWithASidecarCompletes(t *testing.T) {
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
		w.start()
		w.create(several("work", corev1.RestartPolicyNever, "+proxy=serves prepare=quick | work=works"))
		pod := w.awaitPod("work", "over", phase(corev1.PodSucceeded))
		if got := ends(pod.Status.ContainerStatuses...); got["work"] != 0 || len(got) != 1 {
			t.Errorf("ends %v", got)
		}
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}

func TestSeveralContainersThatAreToEnd(t *testing.T) {
	t.Run("Never: the pod lasts until all have ended", func(t *testing.T) {
		tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: images}}, func(w *world) {
			w.start()
			w.create(several("work", corev1.RestartPolicyNever, "a=fails b=long"))
			w.awaitPod("work", "half over", func(pod *corev1.Pod) bool {
				return len(ends(pod.Status.ContainerStatuses...)) == 1 && pod.Status.Phase == corev1.PodRunning
			})
			pod := w.awaitPod("work", "over", phase(corev1.PodFailed))
			if got := ends(pod.Status.ContainerStatuses...); got["a"] != 3 || got["b"] != 0 || len(got) != 2 {
				t.Errorf("ends %v", got)
			}
			if tasks, left := len(w.sim.Tasks()), len(w.active()); tasks != 1 || left != 0 {
				t.Errorf("%d tasks, %d left", tasks, left)
			}
		})
	})
	t.Run("OnFailure: what has succeeded does not run again", func(t *testing.T) {
		failOnce := map[string]fargatesim.Script{"quick": images["quick"]}
		attempts := 0
		choose := func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
			if c.Name != "b" {
				return fargatesim.Script{}, false
			}
			if attempts++; attempts == 1 {
				return fargatesim.Exits(3, 10*time.Second), true
			}
			return fargatesim.Exits(0, time.Second), true
		}
		tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: failOnce, Choose: choose}}, func(w *world) {
			w.start()
			w.create(several("work", corev1.RestartPolicyOnFailure, "a=quick b=flaky"))
			pod := w.awaitPod("work", "over", phase(corev1.PodSucceeded))
			tasks := w.sim.Tasks()
			if len(tasks) != 2 || len(tasks[1].Containers) != 1 {
				t.Errorf("want a second task of b alone, got %d, the last of %d containers", len(tasks), len(tasks[len(tasks)-1].Containers))
			}
			if a, b := pod.Status.ContainerStatuses[0], pod.Status.ContainerStatuses[1]; a.RestartCount != 0 || b.RestartCount != 1 {
				t.Errorf("restart counts %d and %d, want 0 and 1", a.RestartCount, b.RestartCount)
			}
		})
	})
}
