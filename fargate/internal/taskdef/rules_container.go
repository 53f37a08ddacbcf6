package taskdef

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	maxImage = 255 // characters; API reference: ContainerDefinition
	byDaemon = "http, tcp and grpc: the daemon probes the pod's address by Kubernetes' rules; the security groups must let it"
	noExec   = "use http, tcp or grpc, or run the pod on an ordinary node if it cannot do without"
)

var containerRules = []rule{
	quiet("spec.containers[].name", Mapped, "name"),
	loud("spec.containers[].name", podid.KeeperName+", "+podid.RouterName, Refused, "the provider gives this name to a container of its own", "choose another name", onContainers(func(c *corev1.Container) bool {
		return c.Name == podid.KeeperName || c.Name == podid.RouterName
	})),
	quiet("spec.containers[].image", Mapped, "image"),
	loud("spec.containers[].image", "more than 255 characters", Refused, "ECS takes names of at most 255 characters", "use a shorter name", onContainers(func(c *corev1.Container) bool { return len(c.Image) > maxImage })),
	ruleECR,
	quiet("spec.containers[].command", Mapped, "the first word is the entry point, the rest begins the command"),
	quiet("spec.containers[].args", Mapped, "command"),
	quiet("spec.containers[].workingDir", Mapped, "working directory"),
	quiet("spec.containers[].ports[].name", Accepted, byControlPlane),
	loud("spec.containers[].ports[].hostPort", "", Refused, "there is no host on Fargate", "remove it; the pod's own address answers on containerPort", onPorts(func(p corev1.ContainerPort) bool { return p.HostPort != 0 })),
	quiet("spec.containers[].ports[].containerPort", Mapped, "port mapping, each number once; the security groups decide who can reach it"),
	quiet("spec.containers[].ports[].protocol", Mapped, "TCP or UDP"),
	loud("spec.containers[].ports[].protocol", "SCTP", Warned, "ECS declares no SCTP ports, and security groups decide what can reach the pod", "use TCP or UDP", onPorts(func(p corev1.ContainerPort) bool { return p.Protocol == corev1.ProtocolSCTP })),
	loud("spec.containers[].ports[].hostIP", "", Warned, "there is no host on Fargate", "remove it", onPorts(func(p corev1.ContainerPort) bool { return p.HostIP != "" })),
	quiet("spec.containers[].resources.limits", Mapped, "memory is the container's hard limit; CPU serves as request where there is none, and bounds nothing: containers share the task's CPU"),
	quiet("spec.containers[].resources.requests", Mapped, "CPU shares and reserved memory; their sum chooses the Fargate size"),
	loud(fieldResources, "more than the largest size", Refused, fmt.Sprintf("the largest Fargate size has %d CPU units (32 vCPU) and %d MiB (244 GiB)", largestCPUUnits, largestMemoryMiB), "ask for less", sizeHits(fieldResources)),
	loud(fieldStorage, "more than 200 GiB", Refused, "a Fargate task has at most 200 GiB of ephemeral storage", "ask for less", sizeHits(fieldStorage)),
	loud(fieldResources, "other than cpu, memory and ephemeral-storage", Refused, "Fargate has CPU, memory and ephemeral storage alone", elsewhere, inContainers(func(_ Input, c *corev1.Container) []hit {
		return details(foreignResources(&c.Resources))
	})),
	loud("spec.containers[].resources.claims", "", Refused, "Fargate has no devices to claim", elsewhere, onContainers(func(c *corev1.Container) bool { return len(c.Resources.Claims) > 0 })),
	quiet("spec.containers[].resizePolicy", Accepted, "the API server's default; a task never changes its size"),
	loud("spec.containers[].restartPolicy", "other than the pod's", Refused, "containers restart as the pod does", "remove it", inContainers(func(in Input, c *corev1.Container) []hit {
		pods := string(cmp.Or(in.Pod.Spec.RestartPolicy, corev1.RestartPolicyAlways))
		isInit := slices.ContainsFunc(in.Pod.Spec.InitContainers, func(init corev1.Container) bool { return init.Name == c.Name })
		if c.RestartPolicy == nil || string(*c.RestartPolicy) == pods || isInit && isSidecar(c) {
			return nil
		}
		return []hit{{}}
	})),
	loud("spec.containers[].restartPolicyRules", "", Refused, "containers restart as the pod does", "remove it", onContainers(func(c *corev1.Container) bool { return len(c.RestartPolicyRules) > 0 })),
	quiet("spec.containers[].volumeMounts", Accepted, "a mount shares its volume's verdict"),
	loud("spec.containers[].volumeDevices", "", Refused, "Fargate attaches no block devices", elsewhere, onContainers(func(c *corev1.Container) bool { return len(c.VolumeDevices) > 0 })),
	quiet("spec.containers[].livenessProbe", Emulated, byDaemon+"; when it fails, the task is started anew"),
	loud("spec.containers[].livenessProbe", "exec", Warned, "commands are not run in containers yet: one that hangs is not restarted", noExec, onContainers(func(c *corev1.Container) bool { return isExec(c.LivenessProbe) })),
	quiet("spec.containers[].readinessProbe", Emulated, byDaemon),
	loud("spec.containers[].readinessProbe", "exec", Warned, "commands are not run in containers yet: one is ready as soon as it runs", noExec, onContainers(func(c *corev1.Container) bool { return isExec(c.ReadinessProbe) })),
	quiet("spec.containers[].startupProbe", Emulated, byDaemon+"; when it fails, the task is started anew"),
	loud("spec.containers[].startupProbe", "exec", Warned, "commands are not run in containers yet: one counts as started as soon as it runs", noExec, onContainers(func(c *corev1.Container) bool { return isExec(c.StartupProbe) })),
	loud("spec.containers[].lifecycle.postStart", "", Refused, "postStart hooks are not run yet", "do their work at the beginning of the container's command", onContainers(func(c *corev1.Container) bool { return lifecycle(c).PostStart != nil })),
	loud("spec.containers[].lifecycle.preStop", "", Warned, "preStop hooks are not run yet: the container gets its stop signal at once", "handle the stop signal in the container", onContainers(func(c *corev1.Container) bool { return lifecycle(c).PreStop != nil })),
	loud("spec.containers[].lifecycle.stopSignal", "", Warned, "Fargate sends the signal that the image names, or SIGTERM", "set STOPSIGNAL in the image", onContainers(func(c *corev1.Container) bool { return lifecycle(c).StopSignal != nil })),
	loud("spec.containers[].terminationMessagePath", "other than /dev/termination-log", Warned, "the file is not read; the status carries ECS's own reason", "write the message to the log", onContainers(func(c *corev1.Container) bool {
		return !slices.Contains([]string{"", corev1.TerminationMessagePathDefault}, c.TerminationMessagePath)
	})),
	quiet("spec.containers[].terminationMessagePath", Accepted, "the file is not read; the status carries ECS's own reason"),
	quiet("spec.containers[].terminationMessagePolicy", Accepted, "File is the API server's default"),
	loud("spec.containers[].terminationMessagePolicy", "FallbackToLogsOnError", Warned, "the end of the log does not reach the status yet; it carries ECS's own reason", "read the log", onContainers(func(c *corev1.Container) bool {
		return c.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError
	})),
	quiet("spec.containers[].imagePullPolicy", Accepted, "Fargate pulls for every task"),
	loud("spec.containers[].imagePullPolicy", "Never", Refused, "Fargate pulls for every task and has no images of its own", "use Always or IfNotPresent", onContainers(func(c *corev1.Container) bool { return c.ImagePullPolicy == corev1.PullNever })),
	quiet("spec.containers[].stdin", Mapped, "interactive"),
	loud("spec.containers[].stdinOnce", "true", Warned, "no client can attach to a Fargate container, so its input stays open", "remove it", onContainers(func(c *corev1.Container) bool { return c.StdinOnce })),
	quiet("spec.containers[].tty", Mapped, "pseudo terminal"),
}

func isExec(probe *corev1.Probe) bool { return probe != nil && probe.Exec != nil }

func lifecycle(c *corev1.Container) corev1.Lifecycle {
	return ptr.Deref(c.Lifecycle, corev1.Lifecycle{})
}
