package fargate_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// What explain shows is what the provider sends, but for what is made of the cluster's UID and of AWS's answers.
func TestExplainShowsWhatIsSent(t *testing.T) {
	sent := map[string]map[string]any{}
	record := func(e fargatesim.Exchange) {
		if e.Operation == "RegisterTaskDefinition" || e.Operation == "RunTask" {
			var request map[string]any
			if err := json.Unmarshal(e.Request, &request); err != nil {
				t.Error(err)
			}
			sent[e.Operation] = request
		}
	}
	tell(t, fargatesim.Config{Record: record}, func(w *world) {
		w.config.Kubernetes.APIServer = "10.0.0.9:6443"
		w.start()
		pod := nginx("web")
		pod.OwnerReferences[0].APIVersion = "apps/v1"
		pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "NODE", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}}
		pod = w.create(pod)
		w.awaitPod("web", "running", running)

		pod.APIVersion, pod.Kind = "v1", "Pod"
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		explained, err := fargate.Explain(fargate.ExplainInput{
			Manifests: []fargate.Manifest{{Name: "pod.json", Text: text}}, NodeName: w.node, Config: &w.config,
		})
		if err != nil || len(explained.Pods) != 1 {
			t.Fatalf("%d pods: %v", len(explained.Pods), err)
		}
		x := explained.Pods[0]
		for operation, shown := range map[string]map[string]any{"RegisterTaskDefinition": x.TaskDefinition, "RunTask": x.RunTask} {
			if diff := cmp.Diff(alike(t, sent[operation]), alike(t, shown)); diff != "" {
				t.Errorf("%s (-sent +shown):\n%s", operation, diff)
			}
		}
	})
}

// The default of fargate.toml is rounded with the sum, and not before: five times 100m are half a vCPU.
func TestDefaultsAreNotRoundedUp(t *testing.T) {
	pod := nginx("web")
	pod.APIVersion, pod.Kind = "v1", "Pod"
	pod.Spec.Containers = nil
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Image: "nginx"})
	}
	text, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	explained, err := fargate.Explain(fargate.ExplainInput{Manifests: []fargate.Manifest{{Name: "pod.json", Text: text}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := explained.Pods[0].TaskDefinition; got["cpu"] != "512" || got["memory"] != "2048" {
		t.Errorf("a task of %v/%v", got["cpu"], got["memory"])
	}
}

// alike is a request without what another cluster or account would make different.
func alike(t *testing.T, request map[string]any) map[string]any {
	request = maps.Clone(request)
	for _, made := range []string{"family", "clientToken", "startedBy", "taskDefinition"} {
		if text, _ := request[made].(string); text != "" {
			request[made] = "made"
		}
	}
	text, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "5ec2b1f0-cluster", "CLUSTER-UID")), &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestExplainHeedsTheConfiguration(t *testing.T) {
	const agent = `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {template: {spec: {containers: [{name: a, image: a}]}}}}`
	const bare = `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}`
	for name, row := range map[string]struct {
		manifest string
		change   func(*providerconfig.Config)
		want     fargate.Outcome
		wantUSD  float64
	}{
		"DaemonSets are held": {agent, func(c *providerconfig.Config) { c.DaemonSets.Mode = providerconfig.DaemonSetHold }, fargate.Held, 0},
		"DaemonSets are run":  {agent, func(c *providerconfig.Config) { c.DaemonSets.Mode = providerconfig.DaemonSetRun }, fargate.Runs, 0.012343},
		"DaemonSets are left": {agent, func(*providerconfig.Config) {}, fargate.Ignored, 0},
		"prices are its own":  {bare, func(c *providerconfig.Config) { c.Prices = providerconfig.Prices{VCPU: 4, MemoryGB: 2} }, fargate.Runs, 2},
		"its defaults count":  {bare, func(c *providerconfig.Config) { c.Defaults.Memory.Set(1 << 30) }, fargate.Runs, 0.014565},
	} {
		t.Run(name, func(t *testing.T) {
			config := providerconfig.Default()
			row.change(&config)
			explained, err := fargate.Explain(fargate.ExplainInput{Manifests: []fargate.Manifest{{Name: "a", Text: []byte(row.manifest)}}, NodeName: "vk", Config: &config})
			if err != nil {
				t.Fatal(err)
			}
			x := explained.Pods[0]
			if x.Outcome != row.want {
				t.Errorf("%s, want %s: %v", x.Outcome, row.want, x.Findings)
			}
			if row.wantUSD > 0 && (x.Size == nil || x.Size.OnDemandHourlyUSD != row.wantUSD) {
				t.Errorf("size %+v, want %g USD an hour", x.Size, row.wantUSD)
			}
		})
	}
}
