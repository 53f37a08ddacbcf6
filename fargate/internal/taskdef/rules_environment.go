package taskdef

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	fieldEnv     = "spec.containers[].env"
	noSecrets    = "values from Secrets are not supported yet, and a task definition would show them"
	withoutThose = "remove them, or let the container fetch them from AWS Secrets Manager itself"
	fromASecret  = "expanded from a value of a Secret"
)

var environmentRules = []rule{
	quiet("spec.containers[].envFrom[].prefix", Mapped, "begins the variables' names"),
	quiet("spec.containers[].envFrom[].configMapRef", Mapped, "environment; binaryData is passed over"),
	loud("spec.containers[].envFrom[].secretRef", "", Refused, noSecrets, withoutThose, secretVariables(".secretRef")),
	quiet("spec.containers[].env[].name", Mapped, "name of the variable"),
	loud("spec.containers[].env[].name", "VK_CLUSTER_UID, VK_NODE_NAME, VK_POD_NAMESPACE, VK_POD_NAME, VK_POD_UID, VK_ATTEMPT", Warned, "the name is reserved for the provider, and the variable is left out", "choose another name", reservedNames),
	quiet("spec.containers[].env[].value", Mapped, "environment, with $(VAR) expanded as kubelet does"),
	loud("spec.containers[].env[].value", fromASecret, Refused, noSecrets, withoutThose, secretVariables("].value")),
	quiet("spec.containers[].env[].valueFrom.fieldRef", Mapped, "environment; what differs between replicas travels in the task's overrides"),
	loud("spec.containers[].env[].valueFrom.fieldRef", "status.podIP, podIPs, hostIP, hostIPs", Refused, "the address is not known before the task starts", "read it inside the container from $ECS_CONTAINER_METADATA_URI_V4, or remove the variable", unresolvable(".fieldRef")),
	quiet("spec.containers[].env[].valueFrom.resourceFieldRef", Mapped, "environment; a limit that is not set answers with what the node has to give"),
	loud("spec.containers[].env[].valueFrom.resourceFieldRef", "other than cpu, memory, ephemeral-storage", Refused, "Fargate has CPU, memory and ephemeral storage alone", "name requests or limits of these, or remove the variable", unresolvable(".resourceFieldRef")),
	quiet("spec.containers[].env[].valueFrom.configMapKeyRef", Mapped, "environment"),
	loud("spec.containers[].env[].valueFrom.secretKeyRef", "", Refused, noSecrets, withoutThose, secretVariables(".secretKeyRef")),
	loud("spec.containers[].env[].valueFrom.fileKeyRef", "", Refused, "files of volumes cannot be read before the task starts", "put the value into a ConfigMap and use configMapKeyRef", unresolvable(".fileKeyRef")),
	loud("spec.containers[].command", fromASecret, Refused, "a task definition would show the value", `let a shell read the variable: sh -c '... "$PASSWORD"'`, secretWords(func(c podenv.Container) []podenv.Word { return c.Command })),
	loud("spec.containers[].args", fromASecret, Refused, "a task definition would show the value", `let a shell read the variable: sh -c '... "$PASSWORD"'`, secretWords(func(c podenv.Container) []podenv.Word { return c.Args })),
}

// unresolvable finds what podenv cannot resolve in fields that end so.
func unresolvable(suffix string) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for _, p := range podenv.Unsupported(in.Pod) {
			if strings.HasSuffix(p.Field, suffix) {
				hits = append(hits, hit{field: p.Field, what: p.Message})
			}
		}
		return hits
	}
}

// secretVariables finds the fields that end so and put a Secret's value into the environment. Many
// variables may come from one field; it is named once.
func secretVariables(suffix string) func(Input) []hit {
	return func(in Input) []hit {
		var fields []string
		for _, c := range in.Environment.Containers {
			for _, v := range c.Variables {
				if v.Secret && strings.HasSuffix(v.Field, suffix) {
					fields = append(fields, v.Field)
				}
			}
		}
		return atFields(fields)
	}
}

func secretWords(of func(podenv.Container) []podenv.Word) func(Input) []hit {
	return func(in Input) []hit {
		var fields []string
		for _, c := range in.Environment.Containers {
			for _, w := range of(c) {
				if w.Secret {
					fields = append(fields, w.Field)
				}
			}
		}
		return atFields(fields)
	}
}

func atFields(fields []string) []hit {
	slices.Sort(fields)
	var hits []hit
	for _, field := range slices.Compact(fields) {
		hits = append(hits, hit{field: field})
	}
	return hits
}

var reservedNames = inContainers(func(_ Input, c *corev1.Container) []hit {
	var hits []hit
	for i, v := range c.Env {
		if isReserved(v.Name) {
			hits = append(hits, hit{at: []int{i}, detail: v.Name})
		}
	}
	return hits
})

// isReserved tells whether a variable's name is one of the pod's identity. A pod that could set it might
// pass for another.
func isReserved(name string) bool {
	for _, own := range (podid.ID{}).Environment() {
		if *own.Name == name {
			return true
		}
	}
	return false
}

// withoutReserved is the environment without variables that claim an identity.
func withoutReserved(environment podenv.Environment) podenv.Environment {
	containers := slices.Clone(environment.Containers)
	for i := range containers {
		containers[i].Variables = slices.DeleteFunc(slices.Clone(containers[i].Variables), func(v podenv.Variable) bool {
			return isReserved(v.Name)
		})
	}
	return podenv.Environment{Containers: containers}
}
