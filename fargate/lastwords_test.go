package fargate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// speaks is an image that writes these lines and fails.
func speaks(lines ...string) fargatesim.Config {
	script := fargatesim.Exits(3, 20*time.Second)
	script.Log = lines
	return fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"work": script}}}
}

// reporting is a pod of a Job that wants the last words of its container.
func reporting(policy corev1.RestartPolicy) *corev1.Pod {
	pod := job("work", "work", policy)
	pod.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	return pod
}

// takePatches applies JSON patches of a pod's status as the API server does: what they test has to be so.
func (w *world) takePatches() (patches func() int) {
	var mu sync.Mutex // guards n
	n := 0
	w.client.PrependReactor("patch", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		patch := action.(clienttesting.PatchAction)
		var steps []struct{ Op, Path, Value string }
		if err := json.Unmarshal(patch.GetPatch(), &steps); err != nil {
			w.Error(err)
		}
		pod := w.pod(patch.GetNamespace(), patch.GetName()).DeepCopy()
		end := pod.Status.ContainerStatuses[0].State.Terminated
		for _, step := range steps {
			switch {
			case step.Op == "test" && step.Path == "/metadata/uid" && step.Value == string(pod.UID):
			case step.Op == "test" && step.Path == "/status/containerStatuses/0/state/terminated/containerID" && step.Value == end.ContainerID:
			case step.Op == "add" && step.Path == "/status/containerStatuses/0/state/terminated/message":
				end.Message = step.Value
			default:
				w.Errorf("patch %+v of %+v", step, pod.Status)
			}
		}
		mu.Lock()
		n++
		mu.Unlock()
		w.store(pod)
		return true, pod, nil
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func TestLastWordsComeWithTheEnd(t *testing.T) {
	for why, row := range map[string]struct {
		lines []string
		want  func(string) bool
	}{
		"one line":   {[]string{"no such table"}, func(s string) bool { return s == "no such table" }},
		"many lines": {strings.Split(strings.Repeat("a ", 100)+"b", " "), func(s string) bool { return s == strings.Repeat("a\n", 79)+"b" }},
		"long lines": {[]string{strings.Repeat("é", 3000)}, func(s string) bool { return len(s) <= 2048+2 && strings.HasSuffix(s, "éé") }},
		"no word":    {nil, func(s string) bool { return s == "" }},
	} {
		t.Run(why, func(t *testing.T) {
			tell(t, speaks(row.lines...), func(w *world) {
				patches := w.takePatches()
				w.keepLogs()
				w.start()
				w.create(reporting(corev1.RestartPolicyNever))
				pod := w.awaitPod("work", "failed", phase(corev1.PodFailed))
				if end := container(pod).State.Terminated; !row.want(end.Message) || end.ExitCode != 3 {
					t.Errorf("message %q", end.Message)
				}
				time.Sleep(time.Minute) // on the bubble's clock
				if n := patches(); n != 0 {
					t.Errorf("%d patches, though nothing is new", n)
				}
			})
		})
	}
}

func TestLastWordsThatComeLate(t *testing.T) {
	tell(t, speaks("no such table"), func(w *world) {
		patches := w.takePatches()
		w.keepLogs()
		w.start()
		w.create(reporting(corev1.RestartPolicyNever))
		w.awaitPod("work", "running", running)
		w.sim.Break("GetLogEvents", fargatesim.Fault{Refuse: true})
		pod := w.awaitPod("work", "failed", phase(corev1.PodFailed))
		end := container(pod).State.Terminated
		if took := time.Since(end.FinishedAt.Time); end.Message != "" || took > 8*time.Second { // a look each 5 s, and 2 s for the log
			t.Errorf("message %q, %s after the end", end.Message, took)
		}
		w.sim.Mend()
		w.awaitPod("work", "explained", func(pod *corev1.Pod) bool { return container(pod).State.Terminated.Message == "no such table" })
		if n := patches(); n != 1 {
			t.Errorf("%d patches", n)
		}
	})
}

func TestLastWordsOfWhatStartsAgain(t *testing.T) {
	tell(t, speaks("no such table"), func(w *world) {
		w.keepLogs()
		w.start()
		w.create(reporting(corev1.RestartPolicyOnFailure))
		pod := w.awaitPod("work", "restarted", func(pod *corev1.Pod) bool {
			return container(pod).RestartCount == 2 && container(pod).State.Running != nil
		})
		if got := container(pod).LastTerminationState.Terminated; got == nil || got.Message != "no such table" {
			t.Errorf("last state %+v", got)
		}
		w.remove("work")
	})
}

func TestLastWordsOfOneOfSeveral(t *testing.T) {
	script := fargatesim.Exits(3, 5*time.Second)
	script.Log = []string{"no such table"}
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"fails": script, "long": fargatesim.Exits(0, 10*time.Minute)}}}, func(w *world) {
		w.keepLogs()
		w.start()
		pod := several("work", corev1.RestartPolicyNever, "a=fails b=long")
		pod.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		w.create(pod)
		said := func(pod *corev1.Pod) bool {
			return len(pod.Status.ContainerStatuses) == 2 && pod.Status.ContainerStatuses[0].State.Terminated != nil && pod.Status.ContainerStatuses[0].State.Terminated.Message == "no such table"
		}
		w.awaitPod("work", "half over", said)
		w.awaitPod("work", "over, and the words are still there", func(pod *corev1.Pod) bool { return said(pod) && phase(corev1.PodFailed)(pod) })
		if calls := w.sim.Calls("GetLogEvents"); calls > 10 {
			t.Errorf("%d calls for the words of one container", calls)
		}
	})
}

// More pods fail at once than are asked about at once: the news of most ends does not wait for their words, which come late
// and stay the same.
func TestLastWordsOfManyPods(t *testing.T) {
	tell(t, speaks("no such table"), func(w *world) {
		patches := w.takePatches()
		w.keepLogs()
		w.start()
		const pods = 40
		for i := range pods {
			pod := reporting(corev1.RestartPolicyNever)
			pod.Name = fmt.Sprintf("work-%d", i)
			w.create(pod)
		}
		w.awaitPod("work-0", "running", running)
		w.sim.Break("GetLogEvents", fargatesim.Fault{Delay: 300 * time.Millisecond})
		for i := range pods {
			w.awaitPod(fmt.Sprintf("work-%d", i), "explained", func(pod *corev1.Pod) bool {
				end := container(pod).State.Terminated
				return phase(corev1.PodFailed)(pod) && end.Message == "no such table"
			})
		}
		time.Sleep(time.Minute) // on the bubble's clock
		if n := patches(); n == 0 || n > pods {
			t.Errorf("%d patches for the words of %d pods, want one for each whose words come late", n, pods)
		}
	})
}

// The second of two ends prolongs the hold, and nobody is free to ask for their words while others wait for theirs.
func TestLastWordsThatNobodyIsFreeToAskFor(t *testing.T) {
	scripts := map[string]fargatesim.Script{"work": fargatesim.Exits(3, 20*time.Second), "first": {StopAfter: 500 * time.Millisecond}, "second": {StopAfter: 2 * time.Second}}
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: scripts}}, func(w *world) {
		w.keepLogs()
		w.start()
		w.sim.Break("GetLogEvents", fargatesim.Fault{Delay: time.Hour})
		for i := range 8 { // as many as ask at once, for a settled log from the 32nd second to the 47th
			pod := reporting(corev1.RestartPolicyNever)
			pod.Name = fmt.Sprintf("before-%d", i)
			w.create(pod)
		}
		pod := several("work", corev1.RestartPolicyNever, "a=first b=second")
		pod.Spec.ActiveDeadlineSeconds = ptr.To[int64](38)
		for i := range pod.Spec.Containers {
			pod.Spec.Containers[i].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		}
		w.create(pod)
		pod = w.awaitPod("work", "over", expired)
		if late := time.Since(pod.Status.ContainerStatuses[1].State.Terminated.FinishedAt.Time); late > 4*time.Second {
			t.Errorf("its end was told %s after it", late)
		}
		w.sim.Mend()
	})
}

func TestLastWordsAreNotAskedFor(t *testing.T) {
	for why, change := range map[string]func(*world, *corev1.Pod){
		"without the policy": func(w *world, pod *corev1.Pod) {
			pod.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageReadFile
		},
		"without a log": func(w *world, pod *corev1.Pod) { w.config.ExecutionRoleARN, w.config.CloudWatchLogGroupName = "", "" },
	} {
		t.Run(why, func(t *testing.T) {
			tell(t, speaks("no such table"), func(w *world) {
				w.keepLogs()
				pod := reporting(corev1.RestartPolicyNever)
				change(w, pod)
				w.start()
				w.create(pod)
				got := w.awaitPod("work", "failed", phase(corev1.PodFailed))
				time.Sleep(time.Minute) // on the bubble's clock
				if end := container(got).State.Terminated; end.Message != "" || w.sim.Calls("GetLogEvents") != 0 {
					t.Errorf("message %q, %d calls", end.Message, w.sim.Calls("GetLogEvents"))
				}
			})
		})
	}
}
