package fargate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// resize is a request to the sub-resource pods/resize.
func (w *world) resize(name, cpu string) {
	w.Helper()
	w.edit(name, func(pod *corev1.Pod) {
		pod.Generation++
		pod.Spec.Containers[0].Resources.Requests[corev1.ResourceCPU] = resource.MustParse(cpu)
	})
}

func infeasible(pod *corev1.Pod) bool {
	c := podstatus.Condition(pod.Status.Conditions, corev1.PodResizePending)
	return c != nil && c.Status == corev1.ConditionTrue && c.Reason == corev1.PodReasonInfeasible && c.ObservedGeneration == pod.Generation
}

// The pod says that its task has not been resized, until it has a task that was made so.
func TestResizeInPlaceIsInfeasible(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		before := container(w.awaitPod("web", "running", running))
		w.resize("web", "450m")
		asTheTask := func(when string) {
			w.Helper()
			pod := w.awaitPod("web", when, func(pod *corev1.Pod) bool { return running(pod) && infeasible(pod) })
			got := container(pod)
			if diff := cmp.Diff(before.Resources, got.Resources) + cmp.Diff(before.AllocatedResources, got.AllocatedResources); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		asTheTask("resized")
		if told := w.told("ResizeInfeasible"); len(told) != 1 || !strings.Contains(told[0], "[nginx]") {
			t.Errorf("told %q", told)
		}
		w.stopProvider()
		w.start()
		time.Sleep(time.Minute) // on the bubble's clock: its task is looked at again
		asTheTask("resized, and the daemon is another")
		w.resize("web", "250m")
		w.awaitPod("web", "as it was", func(pod *corev1.Pod) bool { return running(pod) && !infeasible(pod) })
		w.resize("web", "450m")
		asTheTask("resized again")
		if told := w.told("ResizeInfeasible"); len(told) != 2 {
			t.Errorf("told %q", told)
		}
		w.stopAs("an operator", w.pod("default", "web").Annotations["fargate.virtual-kubelet.io/task-arn"])
		pod := w.awaitPod("web", "running again", func(pod *corev1.Pod) bool { return running(pod) && container(pod).RestartCount == 1 })
		if got := container(pod); infeasible(pod) || got.Resources.Requests.Cpu().String() != "450m" || got.AllocatedResources.Cpu().String() != "450m" {
			t.Errorf("after a restart %+v", pod.Status)
		}
	})
}

// What comes next has the new size: there is nothing to be told.
func TestResizeBetweenTwoTasks(t *testing.T) {
	crash := fargatesim.Exits(1, time.Second)
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"crash": crash}}}, func(w *world) {
		w.start()
		w.create(job("work", "crash", corev1.RestartPolicyOnFailure))
		w.awaitPod("work", "in back-off", func(pod *corev1.Pod) bool { return waitsFor("CrashLoopBackOff")(pod) && len(w.active()) == 0 })
		w.resize("work", "450m")
		time.Sleep(2 * time.Second) // on the bubble's clock
		if pod := w.pod("default", "work"); infeasible(pod) || len(w.told("ResizeInfeasible")) > 0 {
			t.Errorf("status %+v", pod.Status)
		}
	})
}
