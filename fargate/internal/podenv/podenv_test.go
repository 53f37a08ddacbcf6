package podenv_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// pod is the pod of every test: c is the container under test, other a neighbour with limits.
func pod(t *testing.T, container string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name, pod.UID = "shop", "web-0", "uid-1"
	pod.Labels = map[string]string{"app": "web", "a-quote": `say "hi"`}
	pod.Annotations = map[string]string{"example.com/build": "77"}
	pod.Spec.ServiceAccountName, pod.Spec.NodeName = "robot", "virtual-kubelet"
	parse(t, `
- {name: c, image: i}
- name: other
  image: i
  resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 1500m, memory: 1Gi, ephemeral-storage: 3Gi}}`, &pod.Spec.Containers)
	parse(t, container, &pod.Spec.Containers[0])
	return pod
}

func TestResourcesOfAnInitContainer(t *testing.T) {
	p := pod(t, `{env: [{name: C, valueFrom: {resourceFieldRef: {containerName: first, resource: limits.cpu, divisor: 1m}}}]}`)
	parse(t, `[{name: first, image: i, resources: {limits: {cpu: 700m}}}]`, &p.Spec.InitContainers)
	got, problems := podenv.Resolve(p, sources())
	for _, c := range got.Containers {
		if c.Name == "c" && variables(c)["C"] == "700" {
			return
		}
	}
	t.Errorf("C is not 700: %+v, %v", got.Containers, problems)
}

func sources() podenv.Sources {
	return podenv.Sources{
		ConfigMaps: map[string]*corev1.ConfigMap{
			"plain": {Data: map[string]string{"A": "a", "B": "b"}, BinaryData: map[string][]byte{"BIN": {0, 1}}},
			"later": {Data: map[string]string{"B": "later", "1digit.first-": "d"}},
		},
		Secrets: map[string]*corev1.Secret{"login": {Data: map[string][]byte{"PASSWORD": []byte("hunter2")}}},
		HostIP:  "10.0.0.5",
		Allocatable: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("25"), corev1.ResourceMemory: resource.MustParse("100Gi"),
		},
	}
}

func parse(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// shown is a value with the marks that matter: p for PerPod, s for Secret.
func shown(value string, marks podenv.Marks) string {
	if marks.PerPod {
		value += " (p)"
	}
	if marks.Secret {
		value += " (s)"
	}
	return value
}

func variables(c podenv.Container) map[string]string {
	m := map[string]string{}
	for _, v := range c.Variables {
		if v.Name != "HOSTNAME" {
			m[v.Name] = shown(v.Value, v.Marks)
		}
	}
	return m
}

func words(list []podenv.Word) []string {
	var texts []string
	for _, w := range list {
		texts = append(texts, shown(w.Value, w.Marks))
	}
	return texts
}

func TestVariables(t *testing.T) {
	for name, test := range map[string]struct {
		why, container string
		want           map[string]string
	}{
		"plain values": {"an empty value is a value",
			`{env: [{name: A, value: x}, {name: EMPTY, value: ""}, {name: NONE}]}`,
			map[string]string{"A": "x", "EMPTY": "", "NONE": ""}},
		"a name twice": {"the later entry wins, and sees the earlier",
			`{env: [{name: A, value: x}, {name: A, value: $(A)y}]}`,
			map[string]string{"A": "xy"}},
		"a whole ConfigMap": {"binaryData is not for environments",
			`{envFrom: [{configMapRef: {name: plain}}]}`,
			map[string]string{"A": "a", "B": "b"}},
		"two ConfigMaps": {"the later source wins; names may begin with digits since Kubernetes 1.30",
			`{envFrom: [{configMapRef: {name: plain}}, {configMapRef: {name: later}}]}`,
			map[string]string{"A": "a", "B": "later", "1digit.first-": "d"}},
		"a prefix": {"it begins each name",
			`{envFrom: [{prefix: P_, configMapRef: {name: plain}}]}`,
			map[string]string{"P_A": "a", "P_B": "b"}},
		"env over envFrom": {"env is the stronger, and sees envFrom",
			`{envFrom: [{configMapRef: {name: plain}}], env: [{name: A, value: mine}, {name: C, value: $(B)}]}`,
			map[string]string{"A": "mine", "B": "b", "C": "b"}},
		"a key of a ConfigMap": {"values are not expanded again",
			`{env: [{name: X, valueFrom: {configMapKeyRef: {name: plain, key: A}}}]}`,
			map[string]string{"X": "a"}},
		"a missing optional source": {"what stood there before stays",
			`{env: [{name: A, value: x}, {name: A, valueFrom: {configMapKeyRef: {name: plain, key: absent, optional: true}}}, {name: B, valueFrom: {secretKeyRef: {name: absent, key: absent, optional: true}}}]}`,
			map[string]string{"A": "x"}},
		"the pod itself": {"namespace, node and service account are the same for all replicas",
			`{env: [{name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}, {name: U, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: SA, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}, {name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, {name: HOSTS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}]}`,
			map[string]string{"HOST": "10.0.0.5", "HOSTS": "10.0.0.5", "ME": "web-0 (p)", "NS": "shop", "U": "uid-1 (p)", "NODE": "virtual-kubelet", "SA": "robot"}},
		"labels and annotations": {"as the downward API writes them, sorted and quoted",
			`{env: [{name: L, valueFrom: {fieldRef: {fieldPath: metadata.labels}}}, {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}, {name: B, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['example.com/build']"}}}, {name: MISSING, valueFrom: {fieldRef: {fieldPath: "metadata.labels['no']"}}}]}`,
			map[string]string{"L": "a-quote=\"say \\\"hi\\\"\"\napp=\"web\" (p)", "APP": "web (p)", "B": "77 (p)", "MISSING": " (p)"}},
		"resources of another container": {"in units of the divisor, rounded up",
			`{env: [{name: C, valueFrom: {resourceFieldRef: {containerName: other, resource: limits.cpu}}}, {name: M, valueFrom: {resourceFieldRef: {containerName: other, resource: requests.cpu, divisor: 1m}}}, {name: MEM, valueFrom: {resourceFieldRef: {containerName: other, resource: limits.memory, divisor: 1Mi}}}, {name: E, valueFrom: {resourceFieldRef: {containerName: other, resource: limits.ephemeral-storage, divisor: 2Gi}}}]}`,
			map[string]string{"C": "2", "M": "100", "MEM": "1024", "E": "2"}},
		"limits that are not set": {"what the node has to give; requests are 0",
			`{env: [{name: C, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}, {name: M, valueFrom: {resourceFieldRef: {resource: limits.memory}}}, {name: R, valueFrom: {resourceFieldRef: {resource: requests.memory}}}]}`,
			map[string]string{"C": "25", "M": "107374182400", "R": "0"}},
		"contagion": {"whoever names a pod's own value or a secret one is marked alike",
			`{envFrom: [{secretRef: {name: login}}], env: [{name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: BOTH, value: "$(ME):$(PASSWORD)"}, {name: DEEP, value: "<$(BOTH)>"}, {name: NEITHER, value: "$$(BOTH)"}]}`,
			map[string]string{"PASSWORD": " (s)", "ME": "web-0 (p)", "BOTH": " (p) (s)", "DEEP": " (p) (s)", "NEITHER": "$(BOTH)"}},
		"a secret overwritten": {"what replaces it is not secret",
			`{envFrom: [{secretRef: {name: login}}], env: [{name: PASSWORD, value: none}]}`,
			map[string]string{"PASSWORD": "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := podenv.Resolve(pod(t, test.container), sources())
			if diff := cmp.Diff(test.want, variables(got.Containers[0])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

func TestCommandAndArgs(t *testing.T) {
	got, _ := podenv.Resolve(pod(t, `{
		command: [sh, $(A), $(ME)], args: [$(NOBODY), "$$(A)", $(PASSWORD), $(HOSTNAME), $(LATE)],
		envFrom: [{secretRef: {name: login}}],
		env: [{name: A, value: x}, {name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: LATE, value: l}]}`), sources())
	c := got.Containers[0]
	if diff := cmp.Diff([]string{"sh", "x", "web-0 (p)"}, words(c.Command)); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	// HOSTNAME comes from the container runtime, which kubelet's expansion does not know.
	if diff := cmp.Diff([]string{"$(NOBODY)", "$(A)", " (s)", "$(HOSTNAME)", "l"}, words(c.Args)); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
	if c.Command[2].Field != "spec.containers[0].command[2]" {
		t.Errorf("field %s", c.Command[2].Field)
	}
}

func TestHostname(t *testing.T) {
	long := "a234567890123456789012345678901234567890123456789012345678901234567890"
	for name, test := range map[string]struct {
		spec, container string
		want            podenv.Variable
	}{
		"the pod's name":        {`{}`, `{}`, podenv.Variable{Name: "HOSTNAME", Value: "web-0", Marks: podenv.Marks{PerPod: true}}},
		"its hostname":          {`{hostname: h}`, `{}`, podenv.Variable{Name: "HOSTNAME", Value: "h", Marks: podenv.Marks{PerPod: true}}},
		"its override":          {`{hostname: h, hostnameOverride: o}`, `{}`, podenv.Variable{Name: "HOSTNAME", Value: "o", Marks: podenv.Marks{PerPod: true}}},
		"a kernel takes 63":     {`{hostname: ` + long + `}`, `{}`, podenv.Variable{Name: "HOSTNAME", Value: long[:63], Marks: podenv.Marks{PerPod: true}}},
		"what the pod says":     {`{}`, `{env: [{name: HOSTNAME, value: mine}]}`, podenv.Variable{Name: "HOSTNAME", Value: "mine", Field: "spec.containers[0].env[0].value"}},
		"what a ConfigMap says": {`{}`, `{envFrom: [{configMapRef: {name: host}}]}`, podenv.Variable{Name: "HOSTNAME", Value: "theirs", Field: "spec.containers[0].envFrom[0].configMapRef"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := pod(t, test.container), sources()
			parse(t, test.spec, &p.Spec)
			s.ConfigMaps["host"] = &corev1.ConfigMap{Data: map[string]string{"HOSTNAME": "theirs"}}
			got, _ := podenv.Resolve(p, s)
			for _, v := range got.Containers[0].Variables {
				if v.Name == "HOSTNAME" {
					if diff := cmp.Diff(test.want, v); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				}
			}
		})
	}
}

// What the pod's address is part of is complete only once the task has one, and says so.
func TestPodAddresses(t *testing.T) {
	p := pod(t, `{env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: URL, value: "http://$(IP):80"}, {name: PLAIN, value: x}],
		args: [$(URL), $(PLAIN)], volumeMounts: [{name: v, mountPath: /v, subPathExpr: logs/$(PLAIN)}]}`)
	environment, problems := podenv.Resolve(p, sources())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := environment.Containers[0]
	for _, v := range c.Variables {
		if want := v.Name == "IP" || v.Name == "URL"; v.AtStart != want || want && !strings.Contains(v.Value, podenv.PodIP) {
			t.Errorf("%s is %q, at start: %v", v.Name, v.Value, v.AtStart)
		}
	}
	if !c.Args[0].AtStart || c.Args[1].AtStart || c.SubPaths[0].Value != "logs/x" {
		t.Errorf("args %+v, sub paths %+v", c.Args, c.SubPaths)
	}
}
