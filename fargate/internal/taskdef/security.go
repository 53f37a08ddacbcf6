package taskdef

import (
	"slices"
	"strconv"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

const (
	all    = "ALL"
	ptrace = "SYS_PTRACE" // the one capability that Fargate can add; API reference: KernelCapabilities
)

// defaultCapabilities are what a container runtime gives a container that says nothing.
var defaultCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
	"NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// otherCapabilities are the others that Linux has (capabilities(7)). No container has them, so none has to drop them, and
// ECS refuses the newer names (API reference: KernelCapabilities).
var otherCapabilities = []string{
	"AUDIT_CONTROL", "AUDIT_READ", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "IPC_LOCK", "IPC_OWNER",
	"LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "NET_ADMIN", "NET_BROADCAST", "PERFMON", "SYS_ADMIN", "SYS_BOOT",
	"SYS_MODULE", "SYS_NICE", "SYS_PACCT", ptrace, "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
}

// user is ECS's user of a container, "1000" or "1000:3000"; empty for the image's own. A group without a
// user cannot be said. An fsGroup is the group of a user without one, so that it may use the pod's volumes.
func user(pod *corev1.Pod, c *corev1.Container) string {
	id := runAsUser(pod, c)
	if id == nil {
		return ""
	}
	text := strconv.FormatInt(*id, 10)
	group := runAsGroup(pod, c)
	if hasGroupOfVolumes(pod, c) {
		group = podSecurity(pod).FSGroup
	}
	if group != nil {
		text += ":" + strconv.FormatInt(*group, 10)
	}
	return text
}

// hasGroupOfVolumes tells whether a container's processes have the fsGroup as their group.
func hasGroupOfVolumes(pod *corev1.Pod, c *corev1.Container) bool {
	return ptr.Deref(runAsUser(pod, c), 0) != 0 && runAsGroup(pod, c) == nil && podSecurity(pod).FSGroup != nil
}

// groupOfVolumes names the containers that so lose the image's group, which most often is 0.
func groupOfVolumes(in Input) []hit {
	var names []string
	eachContainer(in.Pod, func(c *corev1.Container, _ string) {
		if hasGroupOfVolumes(in.Pod, c) && *podSecurity(in.Pod).FSGroup != 0 {
			names = append(names, c.Name)
		}
	})
	switch len(names) {
	case 0:
		return nil
	case 1:
		return []hit{{detail: "container " + names[0]}}
	}
	return []hit{{detail: "containers " + strings.Join(names, ", ")}}
}

// A container's own security context wins over the pod's.

func runAsUser(pod *corev1.Pod, c *corev1.Container) *int64 {
	if own := ptr.Deref(c.SecurityContext, corev1.SecurityContext{}).RunAsUser; own != nil {
		return own
	}
	return podSecurity(pod).RunAsUser
}

func runAsGroup(pod *corev1.Pod, c *corev1.Container) *int64 {
	if own := ptr.Deref(c.SecurityContext, corev1.SecurityContext{}).RunAsGroup; own != nil {
		return own
	}
	return podSecurity(pod).RunAsGroup
}

func mustNotBeRoot(pod *corev1.Pod, c *corev1.Container) bool {
	if own := ptr.Deref(c.SecurityContext, corev1.SecurityContext{}).RunAsNonRoot; own != nil {
		return *own
	}
	return ptr.Deref(podSecurity(pod).RunAsNonRoot, false)
}

func podSecurity(pod *corev1.Pod) corev1.PodSecurityContext {
	return ptr.Deref(pod.Spec.SecurityContext, corev1.PodSecurityContext{})
}

func readOnlyRoot(c *corev1.Container) *bool {
	return setOnly(c.SecurityContext != nil && ptr.Deref(c.SecurityContext.ReadOnlyRootFilesystem, false))
}

func linuxParameters(c *corev1.Container, tmpfs []ecstypes.Tmpfs) *ecstypes.LinuxParameters {
	add, drop, _ := capabilities(c)
	parameters := ecstypes.LinuxParameters{Tmpfs: tmpfs}
	if len(add)+len(drop) > 0 {
		parameters.Capabilities = &ecstypes.KernelCapabilities{Add: add, Drop: drop}
	}
	if parameters.Capabilities == nil && len(tmpfs) == 0 {
		return nil
	}
	return &parameters
}

// capabilities translates a container's. A capability that a container has anyway need not be added, and
// so "drop ALL, add NET_BIND_SERVICE" becomes a list of all the others to drop. One that it does not have need not be
// dropped. What Fargate cannot add comes back as refused.
func capabilities(c *corev1.Container) (add, drop, refused []string) {
	if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil {
		return nil, nil, nil
	}
	wanted, unwanted := normal(c.SecurityContext.Capabilities.Add), dropped(c)
	var kept []string
	for _, name := range wanted {
		switch {
		case name == ptrace:
			add = append(add, name)
		case slices.Contains(defaultCapabilities, name):
			kept = append(kept, name)
		default:
			refused = append(refused, name)
		}
	}
	if !slices.Contains(unwanted, all) {
		return add, slices.DeleteFunc(unwanted, func(name string) bool {
			return name != ptrace && !slices.Contains(defaultCapabilities, name)
		}), refused
	}
	if len(kept) == 0 {
		return add, []string{all}, refused
	}
	for _, name := range defaultCapabilities {
		if !slices.Contains(kept, name) {
			drop = append(drop, name)
		}
	}
	return add, drop, refused
}

// dropped are the names of the capabilities that a container shall not have.
func dropped(c *corev1.Container) []string {
	security := ptr.Deref(c.SecurityContext, corev1.SecurityContext{})
	return normal(ptr.Deref(security.Capabilities, corev1.Capabilities{}).Drop)
}

// unknownDrops are those of them that are no capabilities.
func unknownDrops(c *corev1.Container) []string {
	return slices.DeleteFunc(dropped(c), func(name string) bool {
		return name == all || slices.Contains(defaultCapabilities, name) || slices.Contains(otherCapabilities, name)
	})
}

// normal sorts names and writes them ECS's way, without CAP_, each once.
func normal(names []corev1.Capability) []string {
	var texts []string
	for _, name := range names {
		texts = append(texts, strings.TrimPrefix(strings.ToUpper(string(name)), "CAP_"))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}
