package fargate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

const (
	annotationTaskARN = "fargate.virtual-kubelet.io/task-arn"
	annotationAttempt = "fargate.virtual-kubelet.io/attempt"
)

// A manifest made of `kubectl get pod -o yaml` brings the annotations of another pod; a pod's author may
// also write what he likes into them, where he may not touch the task.
func TestAnnotationsGiveNoPodTheTaskOfAnother(t *testing.T) {
	for name, status := range map[string]corev1.PodStatus{
		"a copy of the manifest":       {Phase: corev1.PodPending},
		"one with a status of its own": {Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "nginx", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				w.start()
				w.create(nginx("web"))
				original := w.awaitPod("web", "running", running)
				w.stopProvider()
				imposter := nginx("copy")
				imposter.UID, imposter.CreationTimestamp, imposter.Status = types.UID("copy-uid"), metav1.Now(), status
				imposter.Annotations = map[string]string{annotationTaskARN: original.Annotations[annotationTaskARN], annotationAttempt: "7"}
				w.store(imposter)
				w.start()
				pod := w.awaitPod("copy", "running a task of its own", func(pod *corev1.Pod) bool {
					return running(pod) && pod.Annotations[annotationTaskARN] != original.Annotations[annotationTaskARN]
				})
				if pod.Status.PodIP == original.Status.PodIP {
					t.Error("it has the other's address")
				}
				w.remove("copy")
				w.awaitPod("web", "still running", running)
				if got := len(w.active()); got != 1 {
					t.Errorf("%d tasks run, want the original's", got)
				}
			})
		})
	}
}

// claimant is a pod of ours whose annotations name a task, and whose status says that it runs.
func claimant(w *world, taskARN string) *corev1.Pod {
	pod := nginx("claimant")
	pod.UID, pod.CreationTimestamp = types.UID("claimant-uid"), metav1.Now()
	pod.Annotations = map[string]string{annotationTaskARN: taskARN, annotationAttempt: "0"}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "nginx", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}
	w.store(pod)
	return pod
}

func TestAnnotationsGiveNoPodTheTaskOfAnotherDaemon(t *testing.T) {
	for name, story := range map[string]func(w *world, taskARN string){
		"it gets a task of its own": func(w *world, taskARN string) {
			w.start()
			w.awaitPod("claimant", "running a task of its own", func(pod *corev1.Pod) bool {
				return running(pod) && pod.Annotations[annotationTaskARN] != taskARN
			})
			w.remove("claimant")
		},
		"it is deleted before the first look at the task": func(w *world, taskARN string) {
			w.sim.Break("DescribeTasks", fargatesim.Fault{Refuse: true})
			w.start()
			for range 10 {
				w.provider.Terminate(w.Context(), "claimant-uid")
				time.Sleep(time.Second)
			}
			w.sim.Mend()
			w.remove("claimant")
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{}, func(w *world) {
				other := w.neighbour("other-node")
				other.start()
				other.create(nginx("web"))
				taskARN := other.awaitPod("web", "running", running).Annotations[annotationTaskARN]
				claimant(w, taskARN)
				story(w, taskARN)
				other.awaitPod("web", "still running", running)
				if got := len(w.active()); got != 1 {
					t.Errorf("%d tasks run, want the neighbour's", got)
				}
				other.stopProvider()
			})
		})
	}
}

func TestPodMadeOfAnOldManifestRunsThoughItsAnnotationsNameATaskThatIsGone(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		pod := job("work", "nginx", corev1.RestartPolicyNever)
		pod.UID, pod.CreationTimestamp = types.UID("work-uid"), metav1.Now()
		pod.Annotations = map[string]string{annotationTaskARN: "arn:aws:ecs:us-east-1:123456789012:task/default/0123456789abcdef0123456789abcdef", annotationAttempt: "3"}
		w.store(pod)
		w.start()
		w.awaitPod("work", "running", running)
	})
}

func TestPodWhoseTaskWasForgottenWhileWeWereDown(t *testing.T) {
	tell(t, fargatesim.Config{Retention: time.Minute}, func(w *world) {
		w.start()
		w.create(nginx("goes on"))
		w.create(nginx("goes"))
		w.awaitPod("goes on", "running", running)
		for _, task := range []string{"goes on", "goes"} {
			w.stopAs("an operator", w.awaitPod(task, "running", running).Annotations[annotationTaskARN])
		}
		w.stopProvider()
		time.Sleep(10 * time.Minute) // on the bubble's clock: ECS forgets
		w.start()
		w.remove("goes")
		w.await("it to be forgotten", func() bool {
			known, _ := w.provider.GetPod(w.Context(), "default", "goes")
			return known == nil
		})
		w.awaitPod("goes on", "running again", func(pod *corev1.Pod) bool { return running(pod) && container(pod).RestartCount == 1 })
		w.remove("goes on")
		if left := w.active(); len(left) > 0 {
			t.Errorf("%d tasks left", len(left))
		}
	})
}
