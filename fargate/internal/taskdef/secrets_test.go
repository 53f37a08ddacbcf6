package taskdef_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// secretSources hold the Secret login in a version of it.
func secretSources(resourceVersion string) podenv.Sources {
	sources := nodeSources()
	login := &corev1.Secret{Data: map[string][]byte{"PASSWORD": []byte("hunter2"), "USER": []byte("root")}}
	login.Name, login.UID, login.ResourceVersion = "login", "77e0c1f2-0000-4000-8000-000000000001", resourceVersion
	sources.Secrets["login"] = login
	return sources
}

// secretive is the i-th replica of a pod with values from a Secret.
func secretive(t *testing.T, i int, container string) *corev1.Pod {
	t.Helper()
	pod := replica(i)
	pod.Spec.Containers[0].EnvFrom = nil
	decodeStrict(t, container, &pod.Spec.Containers[0])
	return pod
}

// translateSecretive translates, and checks that the value is nowhere in it.
func translateSecretive(t *testing.T, pod *corev1.Pod, resourceVersion string) taskdef.Translation {
	t.Helper()
	environment, _ := podenv.Resolve(pod, secretSources(resourceVersion))
	got, err := taskdef.Translate(input(pod, environment))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(taskdef.WireJSON(got.Definition)) + string(taskdef.WireJSON(got.Run)) + fmt.Sprintf("%+v", got); strings.Contains(text, "hunter2") {
		t.Fatalf("the translation shows the value: %s", text)
	}
	return got
}

func TestReplicasShareSecrets(t *testing.T) {
	const container = `{env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}, {name: URL, value: "u:$(P)@$(HOSTNAME)"}]}`
	first := translateSecretive(t, secretive(t, 0, container), "1")
	if len(first.Definition.ContainerDefinitions[0].Secrets) != 2 || first.Private {
		t.Fatalf("private %t, definition %s", first.Private, taskdef.WireJSON(first.Definition))
	}
	for i := range 20 {
		if got := translateSecretive(t, secretive(t, i, container), "1"); got.Digest != first.Digest {
			t.Fatalf("replica %d has another definition", i)
		}
	}
	if got := translateSecretive(t, secretive(t, 0, container), "2"); got.Digest == first.Digest {
		t.Error("a Secret that was changed leaves the definition as it was")
	}
}

// A value that is a pod's own and secret makes the definition the pod's own, and stays out of the overrides.
func TestOwnSecret(t *testing.T) {
	const container = `{env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: P, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}, {name: URL, value: "$(NAME):$(P)"}]}`
	first, second := translateSecretive(t, secretive(t, 0, container), "1"), translateSecretive(t, secretive(t, 1, container), "1")
	if !first.Private || first.Digest == second.Digest {
		t.Errorf("private %t, digests %s and %s", first.Private, first.Digest, second.Digest)
	}
	want := []taskdef.Finding{{Field: "spec.containers[0].env[2].value", Verdict: taskdef.Emulated,
		Message: "the pod has a task definition of its own, because ECS cannot override what comes from a Secret"}}
	if diff := cmp.Diff(want, first.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if overrides := string(taskdef.WireJSON(first.Run.Overrides)); strings.Contains(overrides, "URL") {
		t.Errorf("overrides %s", overrides)
	}
}

func TestWithoutPublishedSecrets(t *testing.T) {
	pod := secretive(t, 0, `{envFrom: [{secretRef: {name: login}}], env: [{name: NAME, value: plain}, {name: URL, value: "u:$(PASSWORD)"}]}`)
	environment, _ := podenv.Resolve(pod, secretSources("1"))
	in := input(pod, environment)
	for name, test := range map[string]struct {
		why    string
		change func(*taskdef.Input)
		want   string // error; each field is named once
	}{
		"nothing published": {"whoever does not publish cannot translate", func(in *taskdef.Input) { in.Secrets = nil },
			"spec.containers[0].envFrom[0].secretRef: values from Secrets reach a task through AWS Secrets Manager, and this one is not there; let the container fetch it itself\n" +
				"spec.containers[0].env[1].value: values from Secrets reach a task through AWS Secrets Manager, and this one is not there; let the container fetch it itself"},
		"no execution role": {"the message names the key to set", func(in *taskdef.Input) { in.Settings.ExecutionRoleARN, in.Settings.LogGroup = "", "" },
			"spec.containers[0].envFrom[0].secretRef: values from Secrets reach a task through its execution role, and this node has none; set ExecutionRoleArn in fargate.toml to a role that may read secrets of this node\n" +
				"spec.containers[0].env[1].value: values from Secrets reach a task through its execution role, and this node has none; set ExecutionRoleArn in fargate.toml to a role that may read secrets of this node"},
		"stand-ins": {"they tell beforehand that it will do", func(in *taskdef.Input) { in.Secrets = taskdef.Unpublished(environment.Secrets(), nil) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := in
			test.change(&in)
			got := ""
			if _, err := taskdef.Translate(in); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

func TestSecretARNs(t *testing.T) {
	pod := secretive(t, 0, `{envFrom: [{secretRef: {name: login}}], env: [{name: URL, value: "u:$(PASSWORD)"}]}`)
	pod.Spec.Containers = append(pod.Spec.Containers, *pod.Spec.Containers[0].DeepCopy())
	pod.Spec.Containers[1].Name = "second"
	environment, _ := podenv.Resolve(pod, secretSources("1"))
	pod.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "registry"}}
	in := input(pod, environment)
	in.Pulls, _ = pullsecret.Resolve(pod, map[string]*corev1.Secret{"registry": registrySecret(`{"username":"u","password":"hunter2"}`)})
	in.Secrets = published(environment, in.Pulls.Documents()...)
	got, err := taskdef.Translate(in)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, where := range in.Secrets {
		want = append(want, where.ARN)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, taskdef.SecretARNs(got.Definition.ContainerDefinitions)); diff != "" || len(want) != 3 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if arns := taskdef.SecretARNs(nil); arns != nil {
		t.Errorf("nothing names %v", arns)
	}
}

func TestReservedNameFromAConfigMapIsTold(t *testing.T) {
	pod := barePod()
	decodeStrict(t, `{envFrom: [{configMapRef: {name: mine}}]}`, &pod.Spec.Containers[0])
	environment, _ := podenv.Resolve(pod, podenv.Sources{ConfigMaps: map[string]*corev1.ConfigMap{"mine": {Data: map[string]string{"VK_ATTEMPT": "7"}}}})
	got, err := taskdef.Translate(input(pod, environment))
	if err != nil || len(got.Findings) != 1 || got.Findings[0].Field != "spec.containers[0].envFrom[0].configMapRef" {
		t.Errorf("left out, and nobody is told: %v, %v", got.Findings, err)
	}
}
