package taskdef

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

const (
	maxContainers  = 10 // of a task definition; developer guide: Amazon ECS service quotas
	fieldSize      = "metadata.annotations[" + AnnotationSize + "]"
	fieldResources = "spec.containers[].resources"
	fieldStorage   = "spec.containers[].resources.requests[ephemeral-storage]"
	byScheduler    = "the scheduler reads it"
	byControlPlane = "the control plane reads it"
)

var annotationRules = []rule{
	quiet(fieldSize, Mapped, "CPU units/MiB of the task, instead of the cheapest size that fits"),
	loud(fieldSize, "a size that Fargate does not have, or too small", Refused, "the pod has no Fargate size", "choose one that Fargate has and that holds the pod, or remove the annotation", sizeHits(fieldSize)),
}

// sizeHits finds a pod whose size fails for what the given field says.
func sizeHits(field string) func(Input) []hit {
	return func(in Input) []hit {
		if _, err := size(in.Pod, in.Settings); err != nil && err.field == field {
			return []hit{{field: err.at, detail: err.problem}}
		}
		return nil
	}
}

var podRules = slices.Concat([]rule{
	quiet("spec.initContainers", Mapped, "one container each, with the same fields as containers, started when those before it have exited with 0; when one fails, the pod is tried again or fails as a whole"),
	quietCase("spec.initContainers", "with restartPolicy Always: a sidecar", Mapped, "started before, and stopped after, what comes later; when it ends, it is not started again"),
	quiet("spec.containers", Mapped, "one container each; with restartPolicy Always all are essential: when one exits, the pod restarts as a whole"),
	loud("spec.containers", "more than 10, init containers and the provider's own included", Refused, "a Fargate task has at most 10", "split the pod", func(in Input) []hit {
		if l := layoutOf(in); containerCount(in, l) > maxContainers {
			return []hit{{detail: counted(in, l)}}
		}
		return nil
	}),
	loud("spec.ephemeralContainers", "", Warned, "a running Fargate task takes no further containers", "use kubectl debug with --copy-to and without -i, and read it with kubectl logs", onPod(func(s *corev1.PodSpec) bool { return len(s.EphemeralContainers) > 0 })),
	quiet("spec.restartPolicy", Emulated, "a restart is a new task, after Kubernetes' own back-off"),
	quietCase("spec.restartPolicy", "OnFailure or Never with several containers", Emulated, "the task lasts until all have ended, kept by a small container of the provider's own; under OnFailure it is started anew when one has failed, without those that have exited with 0"),
	quiet("spec.terminationGracePeriodSeconds", Mapped, "stop timeout of every container, at least 2 seconds"),
	loud("spec.terminationGracePeriodSeconds", "above 120", Warned, "Fargate waits 120 seconds at most after the stop signal; a preStop hook comes before that and may take the whole grace", "let the containers end within that time", onPod(func(s *corev1.PodSpec) bool { return ptr.Deref(s.TerminationGracePeriodSeconds, 0) > maxStopTimeout })),
	quiet("spec.activeDeadlineSeconds", Emulated, "the task is stopped, and the pod has failed, when the time since status.startTime has passed"),
}, dnsPolicyRules, []rule{
	quiet("spec.nodeSelector", Accepted, byScheduler),
}, nodeSelectorRules, serviceAccountRules, []rule{
	quiet("spec.serviceAccount", Accepted, "as serviceAccountName"),
	quiet("spec.automountServiceAccountToken", Accepted, "the API server reads it; see the volume kube-api-access-..."),
	quiet("spec.nodeName", Accepted, byScheduler),
	loud("spec.hostNetwork", "true", Refused, "a Fargate task has a network interface of its own and no host", "remove it", onPod(func(s *corev1.PodSpec) bool { return s.HostNetwork })),
	loud("spec.hostPID", "true", Refused, "Fargate shares no host", "remove it", onPod(func(s *corev1.PodSpec) bool { return s.HostPID })),
	loud("spec.hostIPC", "true", Refused, "Fargate shares no host", "remove it", onPod(func(s *corev1.PodSpec) bool { return s.HostIPC })),
	quiet("spec.shareProcessNamespace", Mapped, "PID mode task"),
}, pullRules, []rule{
	quiet("spec.hostname", Emulated, "value of the variable HOSTNAME; the kernel's hostname is AWS's"),
	loud("spec.hostname", "other than the pod's name", Warned, "the kernel's hostname stays AWS's own", "read the variable HOSTNAME", func(in Input) []hit {
		return onPod(func(s *corev1.PodSpec) bool { return s.Hostname != "" && s.Hostname != in.Pod.Name })(in)
	}),
	quiet("spec.subdomain", Accepted, "the names that a headless Service gives its pods are the control plane's work"),
	quiet("spec.affinity", Accepted, byScheduler),
}, affinityRules, []rule{
	quiet("spec.schedulerName", Accepted, byScheduler),
	quiet("spec.tolerations", Accepted, byScheduler),
	quiet("spec.hostAliases", Emulated, "added to /etc/hosts when a container starts, where it names its command, runs as root and may write to its file system"),
	loud("spec.hostAliases", "where that cannot be done", Refused, "Fargate adds no lines to /etc/hosts", "use names that the VPC's resolver knows, or have all containers name their commands and run as root", func(in Input) []hit {
		var hits []hit
		eachContainer(in.Pod, func(c *corev1.Container, _ string) {
			if what := cannotCopy(in.Pod, c); what != "" && len(in.Pod.Spec.HostAliases) > 0 {
				hits = append(hits, hit{detail: "container " + c.Name, what: "Fargate adds no lines to /etc/hosts, and " + what})
			}
		})
		return hits
	}),
	quiet("spec.priorityClassName", Accepted, byScheduler),
	quiet("spec.priority", Accepted, byScheduler),
}, dnsConfigRules, []rule{
	quiet("spec.readinessGates", Emulated, "the pod is Ready when its containers are and every gate is True"),
	loud("spec.runtimeClassName", "", Refused, "Fargate has one container runtime", "remove it", onPod(func(s *corev1.PodSpec) bool { return ptr.Deref(s.RuntimeClassName, "") != "" })),
	quiet("spec.enableServiceLinks", Mapped, "the variables of the namespace's Services"),
	ruleLinksDropped,
	quiet("spec.preemptionPolicy", Accepted, byScheduler),
	quiet("spec.overhead", Mapped, "added to the size"),
	quiet("spec.topologySpreadConstraints", Accepted, byScheduler),
	loud("spec.setHostnameAsFQDN", "true", Warned, "the kernel's hostname stays AWS's own", "read the variable HOSTNAME", onPod(func(s *corev1.PodSpec) bool { return ptr.Deref(s.SetHostnameAsFQDN, false) })),
	quiet("spec.os", Mapped, "Linux"),
	loud("spec.os", "other than linux", Refused, "this node runs Linux containers", "choose a node of that operating system", onPod(func(s *corev1.PodSpec) bool { return s.OS != nil && s.OS.Name != corev1.Linux })),
	quiet("spec.hostUsers", Accepted, "true is the default"),
	loud("spec.hostUsers", "false", Warned, "Fargate maps no users; the task is alone in its virtual machine", "remove it", onPod(func(s *corev1.PodSpec) bool { return !ptr.Deref(s.HostUsers, true) })),
	quiet("spec.schedulingGates", Accepted, byScheduler),
	loud("spec.resourceClaims", "", Refused, "Fargate has no devices to claim", "run the pod on an ordinary node", onPod(func(s *corev1.PodSpec) bool { return len(s.ResourceClaims) > 0 })),
	quiet("spec.resources", Mapped, "chooses the size, of what it names, instead of the sum of the containers"),
	loud("spec.resources", "other than cpu and memory", Refused, "Fargate has CPU and memory alone", "run the pod on an ordinary node", func(in Input) []hit {
		return details(foreignResources(in.Pod.Spec.Resources))
	}),
	loud("spec.hostnameOverride", "", Warned, "the kernel's hostname stays AWS's own", "read the variable HOSTNAME", onPod(func(s *corev1.PodSpec) bool { return s.HostnameOverride != nil })),
	quiet("spec.schedulingGroup", Accepted, byScheduler),
	ruleTooLarge,
})

// Rules that Translate applies itself, once it knows how long a definition became.
var (
	ruleLinksDropped = loud("spec.enableServiceLinks", "a definition above 64 KiB", Warned, "the variables of Services are left out, for with them the task definition exceeds the 64 KiB that ECS allows", "set enableServiceLinks to false and use DNS names", nil)
	ruleTooLarge     = loud("spec", "a definition above 64 KiB", Refused, "the task definition exceeds the 64 KiB that ECS allows", "shorten the pod's environment and arguments", nil)
)

// deviceDomains are those of devices that containers cannot do without.
var deviceDomains = []string{"nvidia.com/", "amd.com/", "intel.com/", "aws.amazon.com/", "habana.ai/"}

// devices are the foreign resources that Fargate would have to have: those of Kubernetes itself, and known devices.
func devices(r *corev1.ResourceRequirements) []string {
	return slices.DeleteFunc(foreignResources(r), isUnknown)
}

// unknownResources are those that only whoever has the node advertise them can explain.
func unknownResources(r *corev1.ResourceRequirements) []string {
	return slices.DeleteFunc(foreignResources(r), func(name string) bool { return !isUnknown(name) })
}

func isUnknown(name string) bool {
	known := slices.ContainsFunc(deviceDomains, func(domain string) bool { return strings.HasPrefix(name, domain) })
	return strings.Contains(name, "/") && !known
}

// foreignResources names what is asked for besides what Fargate has, sorted.
func foreignResources(r *corev1.ResourceRequirements) []string {
	if r == nil {
		return nil
	}
	var names []string
	for _, list := range []corev1.ResourceList{r.Limits, r.Requests} {
		for name := range list {
			known := name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
			if !known {
				names = append(names, string(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
