package fargate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// explainOne explains the first pod of a text.
func explainOne(t *testing.T, text string, config *providerconfig.Config) fargate.Explanation {
	t.Helper()
	explained, err := fargate.Explain(fargate.ExplainInput{
		Manifests: []fargate.Manifest{{Name: "a.yaml", Text: []byte(text)}}, NodeName: "vk", Config: config,
	})
	if err != nil {
		t.Fatal(err)
	}
	return explained.Pods[0]
}

// told tells whether a finding of a verdict and a field says something.
func told(x fargate.Explanation, verdict, field, says string) bool {
	return slices.ContainsFunc(x.Findings, func(f fargate.Finding) bool {
		return f.Verdict == verdict && f.Field == field && strings.Contains(f.Message, says)
	})
}

// What is not in the files is taken to be such that the pod fares as it would if it were there.
func TestExplainOfWhatIsNotInTheFiles(t *testing.T) {
	const (
		pod       = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: "
		mounts    = "{containers: [{name: a, image: nginx, volumeMounts: [{name: v, mountPath: /etc/app.cfg, subPath: app.cfg}, {name: other, mountPath: /etc/app.cfg.d}]}], volumes: [{name: other, emptyDir: {}}, "
		configMap = "\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {app.cfg: x}}"
		secret    = "\n---\n{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {app.cfg: x}}"
	)
	for name, row := range map[string]struct {
		why, pod, object string
		field, assumes   string
		want             fargate.Outcome
	}{
		"a Secret taken whole by env": {"a node without an execution role has no values of Secrets",
			"{containers: [{name: a, image: nginx, envFrom: [{secretRef: {name: s}}]}]}", secret,
			"spec.containers[0].envFrom[0].secretRef", "KEY-OF-s stands for them", fargate.Refused},
		"a Secret mounted whole": {"the same of files",
			"{containers: [{name: a, image: nginx, volumeMounts: [{name: v, mountPath: /s}]}], volumes: [{name: v, secret: {secretName: s}}]}", secret,
			"spec.volumes[0].secret", "KEY-OF-s stands for them", fargate.Refused},
		"one file of a ConfigMap": {"a file is laid by a container of its own, a directory is mounted",
			mounts + "{name: v, configMap: {name: c}}]}", configMap, "spec.volumes[1].configMap", `taken to have the key "app.cfg"`, fargate.Runs},
		"one file, its name from a variable": {"expanded, as the pod has it",
			strings.Replace(strings.Replace(mounts, "subPath: app.cfg", `subPathExpr: "$(NAME).cfg"`, 1), "image: nginx,", "image: nginx, env: [{name: NAME, value: app}],", 1) + "{name: v, configMap: {name: c}}]}", configMap,
			"spec.volumes[1].configMap", `taken to have the key "app.cfg"`, fargate.Runs},
		"one file of a projected volume": {"of the source that may have it",
			mounts + "{name: v, projected: {sources: [{downwardAPI: {items: [{path: ns, fieldRef: {fieldPath: metadata.namespace}}]}}, {configMap: {name: c}}]}}]}", configMap,
			"spec.volumes[1].projected.sources[1].configMap", `taken to have the key "app.cfg"`, fargate.Runs},
		"one file by an item's path": {"items say what the file is called",
			mounts + "{name: v, configMap: {name: c, items: [{key: k, path: app.cfg}]}}]}", strings.Replace(configMap, "app.cfg", "k", 1),
			"spec.volumes[1].configMap", `taken to have the key "k"`, fargate.Runs},
		"one file of a Secret": {"and it is a secret one",
			mounts + "{name: v, secret: {secretName: s}}]}", secret, "spec.volumes[1].secret", `taken to have the key "app.cfg"`, fargate.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			config := providerconfig.Default()
			without, with := explainOne(t, pod+row.pod+"}", &config), explainOne(t, pod+row.pod+"}"+row.object, &config)
			if with.Outcome != row.want || without.Outcome != row.want {
				t.Errorf("%s: with the object it %s, without it %s; want %s", row.why, with.Outcome, without.Outcome, row.want)
			}
			if a, b := containersOf(with), containersOf(without); !slices.Equal(a, b) {
				t.Errorf("%s: with the object the task has %v, without %v", row.why, a, b)
			}
			about := 0
			for _, f := range without.Findings {
				if f.Field == row.field && f.Verdict == "assumed" {
					about++
				}
			}
			if !told(without, "assumed", row.field, row.assumes) || about != 1 {
				t.Errorf("not one thing, and %q, is said of %s: %v", row.assumes, row.field, without.Findings)
			}
		})
	}
}

// Nothing is assumed of a volume that is known to have what is mounted.
func TestExplainAssumesNoFileThatIsThere(t *testing.T) {
	x := explainOne(t, `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: nginx, volumeMounts: [{name: v, mountPath: /ns, subPath: ns}, {name: v, mountPath: /d, subPath: d}]}],
  volumes: [{name: v, projected: {sources: [{configMap: {name: c}}, {downwardAPI: {items: [{path: ns, fieldRef: {fieldPath: metadata.namespace}}, {path: d/ns, fieldRef: {fieldPath: metadata.namespace}}]}}]}}]}}`, nil)
	if told(x, "assumed", "spec.volumes[0].projected.sources[0].configMap", "the key") {
		t.Errorf("%v", x.Findings)
	}
}

func containersOf(x fargate.Explanation) []string {
	var names []string
	containers, _ := x.TaskDefinition["containerDefinitions"].([]any)
	for _, c := range containers {
		names = append(names, c.(map[string]any)["name"].(string))
	}
	return names
}

// Whatever stands for a line of fargate.toml is among what is said to be assumed.
func TestExplainSaysWhatItAssumesOfTheConfiguration(t *testing.T) {
	const pod = `{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {fargate.virtual-kubelet.io/ebs-volume: "v,size=100Gi"}},
  spec: {containers: [{name: a, image: a, envFrom: [{secretRef: {name: s}}], volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]}}`
	explained, err := fargate.Explain(fargate.ExplainInput{Manifests: []fargate.Manifest{{Name: "a.yaml", Text: []byte(pod)}}, NodeName: "vk"})
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(explained.Notes, "\n")
	requests, err := json.Marshal([]any{explained.Pods[0].TaskDefinition, explained.Pods[0].RunTask})
	if err != nil {
		t.Fatal(err)
	}
	for word, told := range map[string]string{
		"SUBNET": "subnets", "SECURITY-GROUP": "security groups", "LOG-GROUP": "a log group",
		"EXECUTION-ROLE": "an execution role", "INFRASTRUCTURE-ROLE": "an infrastructure role",
	} {
		if !strings.Contains(string(requests), word) || !strings.Contains(notes, told) {
			t.Errorf("%s is to be in the requests, and %q in the notes:\n%s\n%s", word, told, notes, requests)
		}
	}
}
