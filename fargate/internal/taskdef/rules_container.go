package taskdef

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	maxImage = 255 // characters before a digest; SDK doc: ContainerDefinition.Image
	byDaemon = "http, tcp and grpc: the daemon probes the pod's address by Kubernetes' rules; the security groups must let it"
	byECS    = "Commands are the container's health check, which ECS runs every 5 to 300 seconds, for 2 seconds at least; probes with the same command share it"

	oneCommand     = "ECS runs one command in a container, that of readiness before liveness before startup"
	otherProbe     = "use the same command for both, or http, tcp or grpc for one"
	offECS         = "exec, beyond what a health check can do"
	oneCheck       = "ECS runs the command, and has no other times"
	hookAlone      = "it bounds the preStop hook; the stop timeout after it is part of the definition, and the pod's"
	podsGrace      = "give the pod that grace"
	anotherHandler = "use http, tcp or grpc where it matters"
)

// ownNames are those of the provider's own containers.
var ownNames = []string{podid.KeeperName, podid.FilesName, podid.RouterName, podid.ImagePrefix + "...", podid.DirsPrefix + "..."}

func isOwnName(name string) bool {
	return slices.Contains(ownNames, name) || podid.Fills(name)
}

var containerRules = []rule{
	quiet("spec.containers[].name", Mapped, "name"),
	loud("spec.containers[].name", strings.Join(ownNames, ", "), Refused, "the provider gives this name to a container of its own", "choose another name", onContainers(func(c *corev1.Container) bool {
		return isOwnName(c.Name)
	})),
	quiet("spec.containers[].image", Mapped, "image"),
	loud("spec.containers[].image", "more than 255 characters", Refused, "ECS takes names of at most 255 characters, of which a digest does not count", "use a shorter name", onContainers(func(c *corev1.Container) bool { return isTooLong(c.Image) })),
	ruleECR,
	quiet("spec.containers[].command", Mapped, "the first word is the entry point, the rest begins the command"),
	quiet("spec.containers[].args", Mapped, "command"),
	quiet("spec.containers[].workingDir", Mapped, "working directory"),
	quiet("spec.containers[].ports[].name", Accepted, byControlPlane),
	loud("spec.containers[].ports[].hostPort", "the containerPort", Warned, "there is no host on Fargate whose address would answer", "remove it; the pod's own address answers on that port", onPorts(func(p corev1.ContainerPort) bool { return p.HostPort != 0 && p.HostPort == p.ContainerPort })),
	loud("spec.containers[].ports[].hostPort", "another than the containerPort", Refused, "there is no host on Fargate", "remove it; the pod's own address answers on containerPort", onPorts(func(p corev1.ContainerPort) bool { return p.HostPort != 0 && p.HostPort != p.ContainerPort })),
	quiet("spec.containers[].ports[].containerPort", Mapped, "port mapping, each number once; the security groups decide who can reach it"),
	quiet("spec.containers[].ports[].protocol", Mapped, "TCP or UDP"),
	loud("spec.containers[].ports[].protocol", "SCTP", Warned, "ECS declares no SCTP ports, and security groups decide what can reach the pod", "use TCP or UDP", onPorts(func(p corev1.ContainerPort) bool { return p.Protocol == corev1.ProtocolSCTP })),
	loud("spec.containers[].ports[].hostIP", "", Warned, "there is no host on Fargate", "remove it", onPorts(func(p corev1.ContainerPort) bool { return p.HostIP != "" })),
	quiet("spec.containers[].resources.limits", Mapped, "memory is the container's hard limit; CPU serves as request where there is none, and bounds nothing: containers share the task's CPU"),
	quiet("spec.containers[].resources.requests", Mapped, "CPU shares and reserved memory; their sum chooses the Fargate size. Of memory and ephemeral-storage the larger of request and limit counts"),
	loud(fieldResources, "more than the largest size", Refused, fmt.Sprintf("the largest Fargate size has %d CPU units (32 vCPU) and %d MiB (244 GiB)", largestCPUUnits, largestMemoryMiB), "ask for less", sizeHits(fieldResources)),
	loud(fieldStorage, "more than 200 GiB", Refused, "a Fargate task has at most 200 GiB of ephemeral storage", "ask for less", sizeHits(fieldStorage)),
	loud(fieldResources, "other than cpu, memory and ephemeral-storage", Refused, "Fargate has CPU, memory and ephemeral storage alone", elsewhere, inContainers(func(_ Input, c *corev1.Container) []hit {
		return details(devices(&c.Resources))
	})),
	loud(fieldResources, "extended resources that are no known device", Warned, "Fargate has nothing of that name, though somebody has the node advertise it", "remove it", inContainers(func(_ Input, c *corev1.Container) []hit {
		return details(unknownResources(&c.Resources))
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
	quiet("spec.containers[].volumeMounts[].name", Mapped, "the volume that is mounted"),
	quiet("spec.containers[].volumeMounts[].readOnly", Mapped, "read-only; volumes made of files always are"),
	quiet("spec.containers[].volumeMounts[].recursiveReadOnly", Accepted, "nothing is mounted within a volume"),
	quiet("spec.containers[].volumeMounts[].mountPath", Mapped, "mount point; where the image declares a VOLUME at the same path, its files come to lie in an empty volume"),
	loud("spec.containers[].volumeMounts[].mountPath", "the path of another", Refused, "ECS mounts one volume at a path", "remove one of the mounts", sameMountPaths),
	quiet("spec.containers[].volumeMounts[].subPath", Mapped, "a directory of the volume becomes a volume of its own"),
	quietCase("spec.containers[].volumeMounts[].subPath", "a single file of a configMap, secret, downwardAPI or projected volume", Emulated, "copied when the container starts, where it names its command, has runAsUser 0 and may write to its file system; else the directory around it becomes a volume, which a container of the same image, vk-dirs-NAME, fills before all others start; where neither can be and no user is said, copied when the container starts by the user that the image names"),
	quietCase("spec.containers[].volumeMounts[].subPath", "a directory of an emptyDir that is also mounted above or below", Emulated, "linked when the container starts, where it names its command, runs as root and may write to its file system"),
	loud("spec.containers[].volumeMounts[].subPath", "what cannot be mounted so", Refused, "ECS mounts volumes as a whole", "mount the volume whole, or put the files into a volume of their own", mountFaults),
	loud("spec.containers[].volumeMounts[].mountPropagation", "other than None", Warned, "there is no host whose mounts could be seen", "remove it", onMounts(func(m corev1.VolumeMount) bool {
		return ptr.Deref(m.MountPropagation, corev1.MountPropagationNone) != corev1.MountPropagationNone
	})),
	quiet("spec.containers[].volumeMounts[].subPathExpr", Mapped, "expanded as kubelet does, then as subPath; where that differs between replicas, each has a task definition of its own, unless the volume is an emptyDir or the file is copied when the container starts"),
	loud("spec.containers[].volumeMounts[].subPathExpr", fromASecret, Refused, "a task definition would show the value", "choose another path", subPathsThat(func(w podenv.Word) bool { return w.Secret })),
	loud("spec.containers[].volumeMounts[].subPathExpr", "made of the pod's address", Refused, "the address is not known before the task starts", "choose another path", subPathsThat(func(w podenv.Word) bool { return w.AtStart })),
	loud("spec.containers[].volumeDevices", "", Refused, "Fargate attaches no block devices", elsewhere, onContainers(func(c *corev1.Container) bool { return len(c.VolumeDevices) > 0 })),
	quiet("spec.containers[].livenessProbe", Emulated, byDaemon+"; when it fails, the task is started anew. "+byECS),
	loud("spec.containers[].livenessProbe", "exec, another command than the readiness probe's", Warned, oneCommand+": one that hangs is not restarted", otherProbe, leftOut(otherLiveness)),
	loud("spec.containers[].livenessProbe", "terminationGracePeriodSeconds other than the pod's", Warned, hookAlone, podsGrace, ownGrace(func(c *corev1.Container) *corev1.Probe { return c.LivenessProbe })),
	loud("spec.containers[].livenessProbe", offECS, Warned, oneCheck, anotherHandler, offLimits(sharedLiveness)),
	quiet("spec.containers[].readinessProbe", Emulated, byDaemon+". "+byECS),
	loud("spec.containers[].readinessProbe", offECS, Warned, oneCheck, anotherHandler, offLimits(sharedReadiness)),
	quiet("spec.containers[].startupProbe", Emulated, byDaemon+"; when it fails, the task is started anew. "+byECS),
	loud("spec.containers[].startupProbe", "exec, another command than the readiness or liveness probe's", Warned, oneCommand+": one has started as soon as it runs, and its liveness probe waits for as long as this one may take", otherProbe, leftOut(otherStartup)),
	quietCase("spec.containers[].startupProbe", "exec, of a sidecar", Emulated, "what comes after the sidecar waits until it succeeds"),
	loud("spec.containers[].startupProbe", "of a sidecar, not exec, or with another command than its other probes", Warned, "what comes after the sidecar starts as soon as the sidecar runs, for ECS waits for health checks alone", "use exec, with the command of its readiness or liveness probe if that is exec too", inContainers(startsUnseen)),
	loud("spec.containers[].startupProbe", "terminationGracePeriodSeconds other than the pod's", Warned, hookAlone, podsGrace, ownGrace(func(c *corev1.Container) *corev1.Probe { return c.StartupProbe })),
	loud("spec.containers[].startupProbe", offECS, Warned, oneCheck, anotherHandler, offLimits(sharedStartup)),
	quiet("spec.containers[].lifecycle.postStart", Emulated, "sleep, httpGet and tcpSocket: called by the daemon once the container runs, which is not ready before; when it fails, the task is started anew. Other containers start meanwhile"),
	loud("spec.containers[].lifecycle.postStart", "of a sidecar", Warned, "what comes after the sidecar does not wait for its hook", "do that work in an init container, or have what comes after wait for it", inContainers(hookUnseen)),
	loud("spec.containers[].lifecycle.postStart", "exec", Refused, "commands are not run in containers yet", "do their work at the beginning of the container's command, or use httpGet", onContainers(func(c *corev1.Container) bool { return isCommand(lifecycle(c).PostStart) })),
	quiet("spec.containers[].lifecycle.preStop", Emulated, "sleep, httpGet and tcpSocket: called by the daemon before it has the task stopped, for the grace period at most; the stop timeout, which belongs to the definition, begins after it. Not where the task ends without the daemon: Spot, retirement, memory"),
	loud("spec.containers[].lifecycle.preStop", "exec", Warned, "commands are not run in containers yet: the container gets its stop signal at once", "handle the stop signal in the container, or use httpGet or sleep", onContainers(func(c *corev1.Container) bool { return isCommand(lifecycle(c).PreStop) })),
	loud("spec.containers[].lifecycle.stopSignal", "", Warned, "Fargate sends the signal that the image names, or SIGTERM", "set STOPSIGNAL in the image", onContainers(func(c *corev1.Container) bool { return lifecycle(c).StopSignal != nil })),
	loud("spec.containers[].terminationMessagePath", "other than /dev/termination-log", Warned, "the file is not read; the status carries ECS's own reason", "write the message to the log", onContainers(func(c *corev1.Container) bool {
		return !slices.Contains([]string{"", corev1.TerminationMessagePathDefault}, c.TerminationMessagePath)
	})),
	quiet("spec.containers[].terminationMessagePath", Accepted, "the file is not read; the status carries ECS's own reason"),
	quiet("spec.containers[].terminationMessagePolicy", Emulated, "File: the file is not read. FallbackToLogsOnError: the end of the log (80 lines, 2048 bytes) of a container that has failed, as far as CloudWatch Logs has it; the status waits two seconds for it, and what comes later is added"),
	loud("spec.containers[].terminationMessagePolicy", "FallbackToLogsOnError, without CloudWatchLogGroupName in fargate.toml", Warned, "no log is kept; the status carries ECS's own reason", "ask whoever runs the node for a log group",
		wantsLastWords(func(group, driver string) bool { return group == "" && driver == "" })),
	loud("spec.containers[].terminationMessagePolicy", "FallbackToLogsOnError, with the log driver splunk or awsfirelens", Warned, "only logs in CloudWatch Logs can be read; the status carries ECS's own reason", "remove the annotation "+annotationLogDriver+", or set the policy to File",
		wantsLastWords(func(_, driver string) bool { return driver != "" })),
	quiet("spec.containers[].imagePullPolicy", Accepted, "Fargate pulls for every task"),
	loud("spec.containers[].imagePullPolicy", "Never", Refused, "Fargate pulls for every task and has no images of its own", "use Always or IfNotPresent", onContainers(func(c *corev1.Container) bool { return c.ImagePullPolicy == corev1.PullNever })),
	quiet("spec.containers[].stdin", Mapped, "interactive"),
	loud("spec.containers[].stdinOnce", "true", Warned, "no client can attach to a Fargate container, so its input stays open", "remove it", onContainers(func(c *corev1.Container) bool { return c.StdinOnce })),
	quiet("spec.containers[].tty", Mapped, "pseudo terminal"),
}

func isTooLong(image string) bool {
	name, _, _ := strings.Cut(image, "@")
	return len(name) > maxImage
}

// wantsLastWords finds the containers whose status is to tell the end of their log, where the pod's logs are kept as said.
func wantsLastWords(kept func(group, driver string) bool) func(Input) []hit {
	return inContainers(func(in Input, c *corev1.Container) []hit {
		if c.TerminationMessagePolicy != corev1.TerminationMessageFallbackToLogsOnError || !kept(LogGroup(in.Pod, in.Settings)) {
			return nil
		}
		return []hit{{}}
	})
}

func onMounts(holds func(corev1.VolumeMount) bool) func(Input) []hit {
	return inContainers(func(_ Input, c *corev1.Container) []hit {
		var hits []hit
		for i, m := range c.VolumeMounts {
			if holds(m) {
				hits = append(hits, hit{at: []int{i}})
			}
		}
		return hits
	})
}

func subPathsThat(hold func(podenv.Word) bool) func(Input) []hit {
	return func(in Input) []hit {
		var fields []string
		for _, c := range in.Environment.Containers {
			for _, w := range c.SubPaths {
				if hold(w) {
					fields = append(fields, w.Field)
				}
			}
		}
		return atFields(fields)
	}
}

func isCommand(hook *corev1.LifecycleHandler) bool { return hook != nil && hook.Exec != nil }

func lifecycle(c *corev1.Container) corev1.Lifecycle {
	return ptr.Deref(c.Lifecycle, corev1.Lifecycle{})
}
