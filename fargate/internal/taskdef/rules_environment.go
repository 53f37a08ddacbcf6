package taskdef

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	fieldEnv    = "spec.containers[].env"
	fieldSecret = "spec.containers[].env[].valueFrom.secretKeyRef"
	asSecret    = "secrets of the container: the values reach it through AWS Secrets Manager, read by the execution role"
	fromASecret = "expanded from a value of a Secret"
)

var environmentRules = []rule{
	quiet("spec.containers[].envFrom[].prefix", Mapped, "begins the variables' names"),
	quiet("spec.containers[].envFrom[].configMapRef", Mapped, "environment; binaryData is passed over"),
	quiet("spec.containers[].envFrom[].secretRef", Mapped, asSecret),
	quiet("spec.containers[].env[].name", Mapped, "name of the variable"),
	loud("spec.containers[].env[].name", "VK_CLUSTER_UID, VK_NODE_NAME, VK_POD_NAMESPACE, VK_POD_NAME, VK_POD_UID, VK_ATTEMPT", Warned, "the name is reserved for the provider, and the variable is left out", "choose another name", reservedNames),
	loud("spec.containers[].env[].name", "no name of a shell variable, one of PWD, OLDPWD, SHLVL, IFS, OPTIND, PPID, or one that begins with vk_, where something is done before the command", Refused, "it would get lost on the way through the shell that does it", "use another name, of letters, digits and underscores, or do without status.podIP, hostAliases and single files", oddNames),
	quiet("spec.containers[].env[].value", Mapped, "environment, with $(VAR) expanded as kubelet does"),
	quietCase("spec.containers[].env[].value", fromASecret, Mapped, asSecret+"; the pod gets a task definition of its own if the value differs between replicas"),
	quiet("spec.containers[].env[].valueFrom.fieldRef", Mapped, "environment; what differs between replicas travels in the task's overrides"),
	quietCase("spec.containers[].env[].valueFrom.fieldRef", "status.podIP, podIPs", Emulated, "where the container names its command: a static busybox, brought by a small container of the provider's own, reads the address from the task's metadata, writes it where it belongs and becomes the command"),
	loud("spec.containers[].env[].valueFrom.fieldRef", "status.podIP, podIPs, where the container does not name its command", Refused, "the address is not known before the task starts", "name the command that the image would run, or read the address inside the container from $ECS_CONTAINER_METADATA_URI_V4", addressesWithoutCommand),
	loud("spec.containers[].env[].valueFrom.fieldRef", "status.podIP, podIPs, beside a probe that is a command", Warned, "the command of a probe sees a stand-in in its place", "let the probe's command do without it, or use http, tcp or grpc", addressesBesideCommands),
	loud("spec.containers[].env[].valueFrom.fieldRef", "anything else", Refused, "it is not known before the task starts", "name a field that the downward API has", unresolvable(".fieldRef")),
	quiet("spec.containers[].env[].valueFrom.resourceFieldRef", Mapped, "environment; a limit that is not set answers with what the node has to give"),
	loud("spec.containers[].env[].valueFrom.resourceFieldRef", "other than cpu, memory, ephemeral-storage", Refused, "Fargate has CPU, memory and ephemeral storage alone", "name requests or limits of these, or remove the variable", unresolvable(".resourceFieldRef")),
	quiet("spec.containers[].env[].valueFrom.configMapKeyRef", Mapped, "environment"),
	quiet(fieldSecret, Mapped, asSecret),
	loud(fieldSecret, "or another value from a Secret, without ExecutionRoleArn in fargate.toml", Refused, "values from Secrets reach a task through its execution role, and this node has none", "set ExecutionRoleArn in fargate.toml to a role that may read secrets of this node", secretVariables(func(in Input, _ podenv.Variable) bool {
		return in.Settings.ExecutionRoleARN == ""
	})),
	loud(fieldSecret, "or another value from a Secret, not published", Refused, "values from Secrets reach a task through AWS Secrets Manager, and this one is not there", "let the container fetch it itself", secretVariables(func(in Input, v podenv.Variable) bool {
		return in.Settings.ExecutionRoleARN != "" && in.Secrets[v.Stored.Address].ARN == ""
	})),
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

// secretVariables finds the fields that put a Secret's value into the environment and that the condition
// holds for. Many variables may come from one field; it is named once.
func secretVariables(holds func(Input, podenv.Variable) bool) func(Input) []hit {
	return func(in Input) []hit {
		var fields []string
		for _, c := range in.Environment.Containers {
			for _, v := range c.Variables {
				if v.Secret && holds(in, v) {
					fields = append(fields, v.Field)
				}
			}
		}
		return atFields(fields)
	}
}

// addressesWithoutCommand finds variables with the pod's address that nobody can complete.
func addressesWithoutCommand(in Input) []hit {
	var fields []string
	for _, c := range in.Environment.Containers {
		for _, v := range c.Variables {
			if v.AtStart && len(c.Command) == 0 {
				fields = append(fields, v.Field)
			}
		}
	}
	return atFields(fields)
}

// addressesBesideCommands finds variables that ECS gives to a health check before anybody has completed them.
func addressesBesideCommands(in Input) []hit {
	var fields []string
	eachContainer(in.Pod, func(c *corev1.Container, _ string) {
		if healthCheck(c) == nil {
			return
		}
		for _, v := range environmentOf(in, c.Name).Variables {
			if v.AtStart && len(c.Command) > 0 {
				fields = append(fields, v.Field)
			}
		}
	})
	return atFields(fields)
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

func reservedNames(in Input) []hit {
	var hits []hit
	for _, c := range in.Environment.Containers {
		for _, v := range c.Variables {
			if isReserved(v.Name) {
				hits = append(hits, hit{field: nameField(v), detail: v.Name})
			}
		}
	}
	return hits
}

// nameField is the field that names the variable: env's own name, or the source of many.
func nameField(v podenv.Variable) string {
	entry, _, _ := strings.Cut(v.Field, ".value") // .value and .valueFrom
	if strings.Contains(entry, ".env[") {
		return entry + ".name"
	}
	return v.Field
}

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

// effective is the environment without variables that claim an identity in Kubernetes, or one in AWS that a
// task role replaces.
func effective(in Input) podenv.Environment {
	containers := slices.Clone(in.Environment.Containers)
	for i := range containers {
		containers[i].Variables = slices.DeleteFunc(slices.Clone(containers[i].Variables), func(v podenv.Variable) bool {
			return isReserved(v.Name)
		})
		if taskRole(in) != "" {
			containers[i].Variables = withoutWebhooks(containers[i].Variables)
		}
	}
	return podenv.Environment{Containers: containers}
}
