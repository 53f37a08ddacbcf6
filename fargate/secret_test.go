package fargate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

const planted = "correct-horse-battery-staple"

// withPassword names a Secret's value, and another value that is made of it.
func withPassword(pod *corev1.Pod) *corev1.Pod {
	pod.Spec.Containers[0].Env = []corev1.EnvVar{
		{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "db"}, Key: "password"}}},
		{Name: "DATABASE_URL", Value: "postgres://u:$(PASSWORD)@db/app"},
	}
	return pod
}

func (w *world) createSecret(version string) {
	w.Helper()
	_, err := w.client.CoreV1().Secrets("default").Create(w.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "db", UID: "secret-uid", ResourceVersion: version},
		Data:       map[string][]byte{"password": []byte(planted)},
	}, metav1.CreateOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

func TestSecretsReachTheContainerAndNothingElse(t *testing.T) {
	var given environments
	var wire safeBuffer
	record := func(e fargatesim.Exchange) {
		if e.Service != "secretsmanager" {
			wire.Write(e.Request)
			wire.Write(e.Response)
		}
	}
	tell(t, fargatesim.Config{Runtime: given.runtime(), Record: record}, func(w *world) {
		w.config.ExecutionRoleARN = "arn:aws:iam::123456789012:role/execution"
		w.createSecret("1")
		w.start()
		w.create(withPassword(nginx("web-a")))
		w.create(withPassword(nginx("web-b")))
		a, b := w.awaitPod("web-a", "running", running), w.awaitPod("web-b", "running", running)
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 1 {
			t.Errorf("%d definitions for two replicas with one Secret", got)
		}
		told, _ := json.Marshal([]any{a, b, w.told("")})
		for place, text := range map[string]string{"a call to another service than Secrets Manager": wire.String(), "a pod or an event": string(told)} {
			if strings.Contains(text, planted) {
				t.Errorf("the value is in %s", place)
			}
		}
	})
	for _, environment := range given.seen {
		if got := environment["DATABASE_URL"]; got != "postgres://u:"+planted+"@db/app" {
			t.Errorf("the container has the URL %q", got)
		}
	}
	if len(given.seen) != 2 {
		t.Errorf("%d containers, want two", len(given.seen))
	}
}

func TestSecretsManagerTroubleIsShownAndPasses(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.ExecutionRoleARN = "arn:aws:iam::123456789012:role/execution"
		w.createSecret("1")
		w.start()
		w.sim.Break("CreateSecret", fargatesim.Fault{Error: fargatesim.AccessDenied("secretsmanager:CreateSecret")})
		w.create(withPassword(nginx("web")))
		pod := w.awaitPod("web", "told", waitsFor("AWSAccessDenied"))
		if got := container(pod).State.Waiting.Message; !strings.Contains(got, "secretsmanager:CreateSecret") {
			t.Errorf("message %q does not name the action", got)
		}
		w.sim.Mend()
		w.awaitPod("web", "running", running)
	})
}

func TestSecretsGoWhenNoDefinitionNamesThem(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.ExecutionRoleARN = "arn:aws:iam::123456789012:role/execution"
		w.config.TaskDefinitions.KeepTime = 3 * time.Hour
		w.createSecret("1")
		w.start()
		w.create(withPassword(nginx("web")))
		w.awaitPod("web", "running", running)
		time.Sleep(24 * time.Hour) // on the bubble's clock: what a definition names stays
		if got := len(w.sim.Secrets()); got == 0 {
			t.Fatal("the secrets of a running pod's definition are gone")
		}
		w.remove("web")
		time.Sleep(2 * time.Hour) // the idle definition may still be used by the next pod of the template
		if got := len(w.sim.Secrets()); got == 0 {
			t.Fatal("the secrets of a definition that is kept are gone")
		}
		time.Sleep(5 * time.Hour)
		if got := w.sim.Secrets(); len(got) > 0 {
			t.Errorf("%d secrets are left that no definition names", len(got))
		}
	})
}

func TestTaskRoleMustBeGranted(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/web"
	asking := func() *corev1.Pod {
		pod := nginx("web")
		pod.OwnerReferences, pod.Annotations = nil, map[string]string{"iam.amazonaws.com/role": role}
		return pod
	}
	t.Run("one that is not is refused, with the line to add", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.start()
			w.create(asking())
			pod := w.awaitPod("web", "failed", phase(corev1.PodFailed))
			if !strings.Contains(pod.Status.Message, "[[Grants]]") || !strings.Contains(pod.Status.Message, role) {
				t.Errorf("message %q", pod.Status.Message)
			}
		})
	})
	t.Run("one that is reaches the task", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.config.Grants = providerconfig.Grants{{Namespaces: []string{"def*"}, TaskRoles: []string{role}}}
			w.start()
			w.create(asking())
			w.awaitPod("web", "running", running)
			if got := aws.ToString(w.sim.Tasks()[0].Overrides.TaskRoleArn); got != role {
				t.Errorf("task role %q", got)
			}
		})
	})
}
