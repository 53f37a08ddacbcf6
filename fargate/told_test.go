package fargate_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// The recorder of events has 25 for a pod, and one more each five minutes (client-go,
// tools/record/events_cache.go): repetitions cost the pod those that matter.
func TestMissingConfigMapIsToldOnce(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		pod := nginx("web")
		pod.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
		w.create(pod)
		w.awaitPod("web", "waiting", waitsFor("CreateContainerConfigError"))
		time.Sleep(10 * time.Minute) // on the bubble's clock: the operator is slow
		if got := w.told("MandatoryConfigMapNotFound"); len(got) != 1 {
			t.Errorf("%d events for one ConfigMap", len(got))
		}
	})
}

func TestMissingOptionalConfigMapIsToldOnceThoughTheLaunchIsRepeated(t *testing.T) {
	optional := true
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.sim.NoCapacity(20)
		pod := nginx("web")
		pod.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Optional: &optional}}}
		w.create(pod)
		w.awaitPod("web", "running", running)
		if got := w.told("OptionalConfigMapNotFound"); len(got) != 1 {
			t.Errorf("%d events for one ConfigMap", len(got))
		}
	})
}

func TestLaunchTimeIsThatOfTheFirstLaunch(t *testing.T) {
	crash := fargatesim.Exits(1, time.Minute)
	tell(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"crash": crash}}}, func(w *world) {
		registry := prometheus.NewRegistry()
		w.metrics = registry
		w.start()
		w.create(job("crash", "crash", corev1.RestartPolicyOnFailure))
		w.awaitPod("crash", "restarted", func(pod *corev1.Pod) bool { return container(pod).RestartCount == 2 })
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "fargate_launch_seconds" {
				if got := family.GetMetric()[0].GetHistogram().GetSampleCount(); got != 1 {
					t.Errorf("%d launch times of one pod", got)
				}
			}
		}
	})
}
