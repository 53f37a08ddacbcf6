package taskdef_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// named is a pod whose own values fill its overrides: the pod's name, repeated.
func named(times int) *corev1.Pod {
	pod := replica(0)
	c := &pod.Spec.Containers[0]
	c.EnvFrom = nil
	c.Env = append(c.Env, corev1.EnvVar{Name: "LONG", Value: strings.Repeat("$(NAME)", times)})
	return pod
}

func TestOverridesAbove8192Characters(t *testing.T) {
	for times := 250; times < 350; times += 3 { // the limit lies between
		pod := named(times)
		got, err := translate(pod)
		if err != nil {
			t.Fatal(err)
		}
		if length := len(taskdef.WireJSON(got.Run.Overrides)); length > taskdef.MaxOverrides {
			t.Fatalf("%d repetitions: overrides of %d characters", times, length)
		}
		value := strings.Repeat(pod.Name, times)
		inDefinition := strings.Contains(string(taskdef.WireJSON(got.Definition)), value)
		inOverrides := strings.Contains(string(taskdef.WireJSON(got.Run.Overrides)), value)
		if inDefinition != got.Private || inOverrides == got.Private {
			t.Fatalf("%d repetitions: private %t, but value in definition %t, in overrides %t", times, got.Private, inDefinition, inOverrides)
		}
	}
}

func TestPrivateDefinition(t *testing.T) {
	got, err := translate(named(499))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Private {
		t.Fatal("the definition is not private")
	}
	want := []taskdef.Finding{{Field: "spec.containers[].env", Verdict: taskdef.Emulated,
		Message: "the pod has a task definition of its own, because its own values exceed the 8,192 characters that ECS allows in overrides"}}
	if diff := cmp.Diff(want, got.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"--id=web-5d59d67564-00000"}, got.Definition.ContainerDefinitions[0].Command); diff != "" {
		t.Errorf("command of the definition (-want +got):\n%s", diff)
	}
	if command := got.Run.Overrides.ContainerOverrides[0].Command; command != nil {
		t.Errorf("the overrides still hold the command %q", command)
	}
}

func TestDefinitionAbove64KiB(t *testing.T) {
	pod := barePod()
	sources := nodeSources()
	for i := range 200 {
		sources.Services = append(sources.Services, service(fmt.Sprintf("service-%03d", i)))
	}
	environment, _ := podenv.Resolve(pod, sources)
	got, err := taskdef.Translate(input(pod, environment))
	if err != nil {
		t.Fatal(err)
	}
	if length := len(taskdef.WireJSON(got.Definition)); length > taskdef.MaxDefinition {
		t.Errorf("definition of %d bytes", length)
	}
	text := string(taskdef.WireJSON(got.Definition))
	if strings.Contains(text, "SERVICE_001_") || !strings.Contains(text, "KUBERNETES_SERVICE_HOST") {
		t.Error("service links go, the address of the API server stays")
	}
	if len(got.Findings) != 1 || got.Findings[0].Verdict != taskdef.Warned || got.Findings[0].Field != "spec.enableServiceLinks" {
		t.Errorf("findings %v, want one warning about spec.enableServiceLinks", got.Findings)
	}

	pod.Spec.Containers[0].Args = []string{strings.Repeat("x", 64*1024)}
	environment, _ = podenv.Resolve(pod, sources)
	_, err = taskdef.Translate(input(pod, environment))
	if err == nil || !strings.HasPrefix(err.Error(), "spec: ") || !strings.Contains(err.Error(), "exceeds the 64 KiB that ECS allows") {
		t.Errorf("error %v, want a refusal", err)
	}
}

// A pod cannot pass for another by setting the variables that identify it.
func TestIdentityCannotBeForged(t *testing.T) {
	pod := barePod()
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "d", Image: "busybox"})
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Env = []corev1.EnvVar{
			{Name: "N", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			{Name: "VK_POD_UID", Value: "forged-$(N)"},
		}
	}
	got, err := translate(pod)
	if err != nil {
		t.Fatal(err)
	}
	text := string(taskdef.WireJSON(got.Run)) + string(taskdef.WireJSON(got.Definition))
	if strings.Contains(text, "forged") || strings.Count(text, "VK_POD_UID") != 1 {
		t.Errorf("the request is\n%s", text)
	}
}
