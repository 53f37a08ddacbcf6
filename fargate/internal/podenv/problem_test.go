package podenv_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

func TestProblems(t *testing.T) {
	const at = "spec.containers[0]."
	for name, test := range map[string]struct {
		why, container string
		want           []podenv.Problem
	}{
		"no ConfigMap": {"kubelet words it so, and the pod waits",
			`{envFrom: [{configMapRef: {name: absent}}]}`,
			[]podenv.Problem{{Field: at + "envFrom[0].configMapRef", Reason: "MandatoryConfigMapNotFound", Message: `configmap "absent" not found`, Effect: podenv.Waits}}},
		"no ConfigMap for two variables": {"one event says it",
			`{env: [{name: A, valueFrom: {configMapKeyRef: {name: absent, key: a}}}, {name: B, valueFrom: {configMapKeyRef: {name: absent, key: b}}}]}`,
			[]podenv.Problem{{Field: at + "env[0].valueFrom.configMapKeyRef", Reason: "MandatoryConfigMapNotFound", Message: `configmap "absent" not found`, Effect: podenv.Waits}}},
		"no key": {"the pod waits for it",
			`{env: [{name: A, valueFrom: {configMapKeyRef: {name: plain, key: absent}}}]}`,
			[]podenv.Problem{{Field: at + "env[0].valueFrom.configMapKeyRef", Reason: "MandatoryConfigMapKeyNotFound", Message: "couldn't find key absent in ConfigMap shop/plain", Effect: podenv.Waits}}},
		"no optional ConfigMap": {"an event, and the pod starts",
			`{envFrom: [{configMapRef: {name: absent, optional: true}}], env: [{name: A, valueFrom: {configMapKeyRef: {name: plain, key: absent, optional: true}}}]}`,
			[]podenv.Problem{
				{Field: at + "envFrom[0].configMapRef", Reason: "OptionalConfigMapNotFound", Message: `configmap "absent" not found`},
				{Field: at + "env[0].valueFrom.configMapKeyRef", Reason: "OptionalConfigMapKeyNotFound", Message: `skipping optional envvar "A": key "absent" does not exist in configmap "plain"`},
			}},
		"no Secret": {"the reasons that virtual-kubelet's suite asserts",
			`{envFrom: [{secretRef: {name: absent}}], env: [{name: A, valueFrom: {secretKeyRef: {name: login, key: absent}}}]}`,
			[]podenv.Problem{
				{Field: at + "envFrom[0].secretRef", Reason: "MandatorySecretNotFound", Message: `secret "absent" not found`, Effect: podenv.Waits},
				{Field: at + "env[0].valueFrom.secretKeyRef", Reason: "MandatorySecretKeyNotFound", Message: "couldn't find key absent in Secret shop/login", Effect: podenv.Waits},
			}},
		"no optional Secret": {"an event, and the pod starts",
			`{env: [{name: A, valueFrom: {secretKeyRef: {name: absent, key: absent, optional: true}}}, {name: B, valueFrom: {secretKeyRef: {name: login, key: absent, optional: true}}}]}`,
			[]podenv.Problem{
				{Field: at + "env[0].valueFrom.secretKeyRef", Reason: "OptionalSecretNotFound", Message: `skipping optional envvar "A": secret "absent" not found`},
				{Field: at + "env[1].valueFrom.secretKeyRef", Reason: "OptionalSecretKeyNotFound", Message: `skipping optional envvar "B": key "absent" does not exist in secret "login"`},
			}},
		"a name that no variable can have": {"it is skipped by name",
			`{envFrom: [{prefix: "a=", configMapRef: {name: plain}}]}`,
			[]podenv.Problem{{Field: at + "envFrom[0].configMapRef", Reason: "InvalidEnvironmentVariableNames", Message: "keys [a=A, a=B] from configmap shop/plain were skipped since they are invalid as environment variable names"}}},
		"what nobody knows": {"each field says so",
			`{env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.phase}}}, {name: B, valueFrom: {fieldRef: {fieldPath: status.phase}}}]}`,
			[]podenv.Problem{
				{Field: at + "env[0].valueFrom.fieldRef", Reason: "UnsupportedPodSpec", Message: "status.phase is not known before the task starts", Effect: podenv.Refuses},
				{Field: at + "env[1].valueFrom.fieldRef", Reason: "UnsupportedPodSpec", Message: "status.phase is not known before the task starts", Effect: podenv.Refuses},
			}},
		"other resources": {"no number is better than a wrong one",
			`{env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.hugepages-2Mi}}}, {name: B, valueFrom: {resourceFieldRef: {containerName: nobody, resource: limits.cpu}}}]}`,
			[]podenv.Problem{
				{Field: at + "env[0].valueFrom.resourceFieldRef", Reason: "UnsupportedPodSpec", Message: `limits.hugepages-2Mi of container "c" is not known`, Effect: podenv.Refuses},
				{Field: at + "env[1].valueFrom.resourceFieldRef", Reason: "UnsupportedPodSpec", Message: `limits.cpu of container "nobody" is not known`, Effect: podenv.Refuses},
			}},
		"a path out of its volume": {"the pod waits until somebody mends what it is made of",
			`{env: [{name: UP, value: ../x}], volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(UP)}, {name: v, mountPath: /w, subPath: a..b}]}`,
			[]podenv.Problem{{Field: at + "volumeMounts[0].subPathExpr", Reason: "CreateContainerConfigError", Message: `SubPath "../x" must be a relative path without '..'`, Effect: podenv.Waits}}},
		"a path of nothing": {"else the whole volume would be mounted",
			`{env: [{name: EMPTY, value: ""}], volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(EMPTY)}, {name: v, mountPath: /w, subPathExpr: $(ABSENT)}]}`,
			[]podenv.Problem{
				{Field: at + "volumeMounts[0].subPathExpr", Reason: "CreateContainerConfigError", Message: `variable "EMPTY", from which the path is made, is not set or empty`, Effect: podenv.Waits},
				{Field: at + "volumeMounts[1].subPathExpr", Reason: "CreateContainerConfigError", Message: `variable "ABSENT", from which the path is made, is not set or empty`, Effect: podenv.Waits},
			}},
		"a file": {"volumes are mounted when it is too late",
			`{env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: p, key: k}}}]}`,
			[]podenv.Problem{{Field: at + "env[0].valueFrom.fileKeyRef", Reason: "UnsupportedPodSpec", Message: `file p of volume "v" cannot be read before the task starts`, Effect: podenv.Refuses}}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range test.want {
				test.want[i].Container = "c"
			}
			p := pod(t, test.container)
			_, got := podenv.Resolve(p, sources())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
			var refusals []podenv.Problem
			for _, problem := range got {
				if problem.Blocks() != (problem.Effect != podenv.Noted) || strings.Contains(problem.Message, "hunter2") {
					t.Errorf("problem %+v", problem)
				}
				if problem.Effect == podenv.Refuses {
					refusals = append(refusals, problem)
				}
			}
			if diff := cmp.Diff(len(refusals), len(podenv.Unsupported(p))); diff != "" {
				t.Errorf("refusals do not depend on the sources (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReferences(t *testing.T) {
	p := pod(t, `{
		envFrom: [{secretRef: {name: s}}, {configMapRef: {name: z}}, {configMapRef: {name: a, optional: true}}],
		env: [{name: A, valueFrom: {configMapKeyRef: {name: a, key: k}}}, {name: B, valueFrom: {secretKeyRef: {name: t, key: k}}}, {name: C, value: v}]}`)
	p.Spec.Containers[1].EnvFrom = p.Spec.Containers[0].EnvFrom
	want := []podenv.Reference{
		{Kind: podenv.ConfigMap, Namespace: "shop", Name: "a"},
		{Kind: podenv.ConfigMap, Namespace: "shop", Name: "z"},
		{Kind: podenv.Secret, Namespace: "shop", Name: "s"},
		{Kind: podenv.Secret, Namespace: "shop", Name: "t"},
	}
	if diff := cmp.Diff(want, podenv.References(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := podenv.References(&corev1.Pod{}); got != nil {
		t.Errorf("a pod that names nothing needs %v", got)
	}
}
