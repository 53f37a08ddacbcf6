package fargate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// private is a pod whose image takes credentials.
func private(name string) *corev1.Pod {
	pod := nginx(name)
	pod.Spec.Containers[0].Image = "registry.test/team/web:1"
	pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	return pod
}

func (w *world) createPullSecret() {
	w.Helper()
	_, err := w.client.CoreV1().Secrets("default").Create(w.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "registry", UID: "registry-uid", ResourceVersion: "1"}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"registry.test":{"username":"robot","password":"` + planted + `"}}}`)},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

func TestPrivateImagesArePulledWithTheirSecret(t *testing.T) {
	var wire safeBuffer
	record := func(e fargatesim.Exchange) {
		if e.Service != "secretsmanager" {
			wire.Write(e.Request)
			wire.Write(e.Response)
		}
	}
	tell(t, fargatesim.Config{Record: record}, func(w *world) {
		w.sim.PrivateRegistry("registry.test", "robot", planted)
		w.config.ExecutionRoleARN = executionRole
		w.config.TaskDefinitions.KeepTime = time.Minute
		w.createPullSecret()
		w.start()
		w.create(private("web-a"))
		w.create(private("web-b"))
		a, b := w.awaitPod("web-a", "running", running), w.awaitPod("web-b", "running", running)
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 1 {
			t.Errorf("%d definitions for two replicas", got)
		}
		told, _ := json.Marshal([]any{a, b, w.told("")})
		for place, text := range map[string]string{"a call to another service than Secrets Manager": wire.String(), "a pod or an event": string(told)} {
			if strings.Contains(text, planted) {
				t.Errorf("the password is in %s", place)
			}
		}
		time.Sleep(3 * time.Hour) // on the bubble's clock: what a definition names stays
		if got := len(w.sim.Secrets()); got != 1 {
			t.Fatalf("%d secrets beside a running pod", got)
		}
		w.remove("web-a")
		w.remove("web-b")
		time.Sleep(3 * time.Hour)
		if got := w.sim.Secrets(); len(got) > 0 {
			t.Errorf("%d secrets are left that no definition names", len(got))
		}
	})
}

// A Secret that does not exist is told, and the pull is tried; once it exists, the next try has it.
func TestPullSecretThatComesLate(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.sim.PrivateRegistry("registry.test", "robot", planted)
		w.config.ExecutionRoleARN = executionRole
		w.start()
		w.create(private("web"))
		w.awaitPod("web", "refused by the registry", waitsFor("ImagePullBackOff"))
		if got := w.told("FailedToRetrieveImagePullSecret"); len(got) != 1 {
			t.Errorf("events %v, want one", got)
		}
		w.createPullSecret()
		w.awaitPod("web", "running", running)
	})
}

func TestPrivateImagesNeedAnExecutionRole(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.createPullSecret()
		w.start()
		pod := private("web")
		pod.OwnerReferences = nil
		w.create(pod)
		failed := w.awaitPod("web", "failed", phase(corev1.PodFailed))
		if got := failed.Status.Message; !strings.Contains(got, "ExecutionRoleArn") || !strings.Contains(got, "registry.test/team/web:1") {
			t.Errorf("message %q", got)
		}
		if got := w.sim.Calls("CreateSecret"); got > 0 {
			t.Errorf("%d secrets published for a pod that is refused", got)
		}
	})
}
