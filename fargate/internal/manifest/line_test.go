package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A value of another type than its field's is told with its line, and what YAML took for something else is to be quoted.
func TestValuesOfAnotherType(t *testing.T) {
	const (
		pod  = "# A comment.\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    image: a\n"
		text = ": a text is needed, and YAML takes this for a "
	)
	for name, row := range map[string]struct{ text, want string }{
		"y":                {pod + "    env:\n    - {name: A, value: \"y\"}\n    - name: B\n      value: y\n", "pod.yaml:12: Pod: spec.containers.env.value" + text + "bool; quote it"},
		"true":             {pod + "    env:\n    - {name: A, value: 'true'}\n    - {name: B, value: true}\n", "pod.yaml:11: Pod: spec.containers.env.value" + text + "bool; quote it"},
		"a number":         {pod + "    env:\n    - {name: A, value: '1'}\n    - {name: B, value: 1.5}\n", "pod.yaml:11: Pod: spec.containers.env.value" + text + "number; quote it"},
		"in a list":        {pod + "    args:\n    - a\n    - 1\n", "pod.yaml:11: Pod: spec.containers.args" + text + "number; quote it"},
		"in a map":         {strings.Replace(pod, "{name: a}", "\n  name: a\n  labels:\n    a: b\n    tier: 1", 1), "pod.yaml:8: Pod: metadata.labels" + text + "number; quote it"},
		"in a volume":      {pod + "  volumes:\n  - name: v\n    projected: {sources: [{downwardAPI: {items: [\n      {path: n}]}}]}\n", "pod.yaml:12: Pod: spec.volumes.VolumeSource.projected.sources.downwardAPI.items.path" + text + "bool; quote it"},
		"through an alias": {strings.Replace(pod, "spec:", "spec:\n  activeDeadlineSeconds: &n 5\n  hostname: *n", 1), "pod.yaml:6: Pod: spec.hostname" + text + "number; quote it"},
		"no list":          {pod + "    command: a\n", "pod.yaml:9: Pod: json: cannot unmarshal string into Go struct field Container.spec.containers.command of type []string; correct or remove it"},
		"a quoted number":  {pod + "    ports:\n    - containerPort: 80\n    - containerPort: '80'\n", "pod.yaml:11: Pod: json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32; correct or remove it"},
		"in a List": {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data: {a: b}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: b}\n  data:\n    b: off\n",
			"pod.yaml:12: ConfigMap: data" + text + "bool; quote it"},
		"an object in a map of texts": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: b\n  b: {c: d}\n", "pod.yaml:6: ConfigMap: json: cannot unmarshal object into Go struct field ConfigMap.data of type string; correct or remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, strings.Join(faults(row.text), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
