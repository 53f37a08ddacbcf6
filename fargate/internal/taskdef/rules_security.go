package taskdef

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

const (
	noSELinux  = "Fargate has no SELinux labels"
	noAppArmor = "Fargate applies no AppArmor profiles"
	noWindows  = "this node runs Linux containers"
	ofImage    = "the image's user is not looked up, so nobody checks that it is not root"
)

var podSecurityRules = []rule{
	loud("spec.securityContext.seLinuxOptions", "", Warned, noSELinux, "remove it", onPodSecurity(func(s corev1.PodSecurityContext) bool { return s.SELinuxOptions != nil })),
	loud("spec.securityContext.windowsOptions", "", Refused, noWindows, "remove it", onPodSecurity(func(s corev1.PodSecurityContext) bool { return s.WindowsOptions != nil })),
	quiet("spec.securityContext.runAsUser", Mapped, "user of the containers that name none"),
	quiet("spec.securityContext.runAsGroup", Mapped, "group of the containers that name none"),
	quiet("spec.securityContext.runAsNonRoot", Emulated, "checked against runAsUser, as for each container"),
	loud("spec.securityContext.supplementalGroups", "", Warned, "Fargate's processes join no further groups", "use runAsGroup", onPodSecurity(func(s corev1.PodSecurityContext) bool { return len(s.SupplementalGroups) > 0 })),
	quiet("spec.securityContext.supplementalGroupsPolicy", Accepted, "there are no supplemental groups; see supplementalGroups"),
	quiet("spec.securityContext.fsGroup", Emulated, "group of the pod's volumes, and of the containers that have a runAsUser and no runAsGroup; where a container may not be in it, everybody may do with a volume's files what the group may"),
	loud("spec.securityContext.fsGroup", "beside a runAsUser without runAsGroup", Warned, "processes of that user have the group fsGroup, where a kubelet adds it to the image's: what the image lets its own group alone write is out of their reach",
		"set runAsGroup, to 0 for images made for any user", groupOfVolumes),
	quiet("spec.securityContext.sysctls", Mapped, "system controls: net.*, fs.mqueue.* and those of System V IPC"),
	loud("spec.securityContext.sysctls", "any other", Refused, "Fargate sets no other sysctls than net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm*", "remove it, or run the pod on an ordinary node", foreignSysctls),
	quiet("spec.securityContext.fsGroupChangePolicy", Accepted, "volumes are new, so that there is nothing to change"),
	quiet("spec.securityContext.seccompProfile", Accepted, "RuntimeDefault is what Fargate does"),
	loud("spec.securityContext.seccompProfile", "Localhost", Refused, "there is no host with profiles on Fargate", "use RuntimeDefault", onPodSecurity(func(s corev1.PodSecurityContext) bool {
		return seccomp(s.SeccompProfile, corev1.SeccompProfileTypeLocalhost)
	})),
	loud("spec.securityContext.seccompProfile", "Unconfined", Warned, "Fargate keeps its own profile", "use RuntimeDefault", onPodSecurity(func(s corev1.PodSecurityContext) bool {
		return seccomp(s.SeccompProfile, corev1.SeccompProfileTypeUnconfined)
	})),
	loud("spec.securityContext.appArmorProfile", "other than RuntimeDefault", Warned, noAppArmor, "remove it", onPodSecurity(func(s corev1.PodSecurityContext) bool { return foreignAppArmor(s.AppArmorProfile) })),
	quiet("spec.securityContext.appArmorProfile", Accepted, "RuntimeDefault is what Fargate does"),
	quiet("spec.securityContext.seLinuxChangePolicy", Accepted, "see seLinuxOptions"),
}

var containerSecurityRules = []rule{
	quiet("spec.containers[].securityContext.capabilities.add", Mapped, "SYS_PTRACE, and what a container has anyway"),
	loud("spec.containers[].securityContext.capabilities.add", "any other", Refused, "SYS_PTRACE is the one capability that Fargate can add", "remove it, or run the pod on an ordinary node", inContainers(func(_ Input, c *corev1.Container) []hit {
		_, _, refused := capabilities(c)
		return details(refused)
	})),
	quiet("spec.containers[].securityContext.capabilities.drop", Mapped, "dropped, where a container has it; of ALL, what is added again is kept"),
	loud("spec.containers[].securityContext.capabilities.drop", "a name that no capability has", Warned, "Linux has no capability of this name, so nothing is dropped", "mend or remove it", inContainers(func(_ Input, c *corev1.Container) []hit {
		return details(unknownDrops(c))
	})),
	loud("spec.containers[].securityContext.privileged", "true", Refused, "Fargate has no privileged containers", "remove it", onSecurity(func(s corev1.SecurityContext) bool { return ptr.Deref(s.Privileged, false) })),
	loud("spec.containers[].securityContext.seLinuxOptions", "", Warned, noSELinux, "remove it", onSecurity(func(s corev1.SecurityContext) bool { return s.SELinuxOptions != nil })),
	loud("spec.containers[].securityContext.windowsOptions", "", Refused, noWindows, "remove it", onSecurity(func(s corev1.SecurityContext) bool { return s.WindowsOptions != nil })),
	quiet("spec.containers[].securityContext.runAsUser", Mapped, "user"),
	quiet("spec.containers[].securityContext.runAsGroup", Mapped, "group, beside a user"),
	loud("spec.containers[].securityContext.runAsGroup", "without runAsUser, here or for the pod", Warned, "ECS sets a group only beside a user", "set runAsUser too", inContainers(groupAlone)),
	quiet("spec.containers[].securityContext.runAsNonRoot", Emulated, "checked against runAsUser"),
	loud("spec.containers[].securityContext.runAsNonRoot", "true beside user 0, here or for the pod", Refused, "the container would run as root", "set another runAsUser", inContainers(nonRoot(func(user *int64) bool { return user != nil && *user == 0 }))),
	loud("spec.containers[].securityContext.runAsNonRoot", "true without runAsUser, here or for the pod", Warned, ofImage, "set runAsUser", inContainers(nonRoot(func(user *int64) bool { return user == nil }))),
	quiet("spec.containers[].securityContext.readOnlyRootFilesystem", Mapped, "read-only root file system"),
	quiet("spec.containers[].securityContext.allowPrivilegeEscalation", Accepted, "Fargate cannot set no_new_privs; the task is alone in its virtual machine"),
	quiet("spec.containers[].securityContext.procMount", Accepted, "Default is what Fargate does"),
	loud("spec.containers[].securityContext.procMount", "Unmasked", Refused, "Fargate masks parts of /proc", "remove it", onSecurity(func(s corev1.SecurityContext) bool {
		return ptr.Deref(s.ProcMount, corev1.DefaultProcMount) != corev1.DefaultProcMount
	})),
	quiet("spec.containers[].securityContext.seccompProfile", Accepted, "RuntimeDefault is what Fargate does"),
	loud("spec.containers[].securityContext.seccompProfile", "Localhost", Refused, "there is no host with profiles on Fargate", "use RuntimeDefault", onSecurity(func(s corev1.SecurityContext) bool {
		return seccomp(s.SeccompProfile, corev1.SeccompProfileTypeLocalhost)
	})),
	loud("spec.containers[].securityContext.seccompProfile", "Unconfined", Warned, "Fargate keeps its own profile", "use RuntimeDefault", onSecurity(func(s corev1.SecurityContext) bool {
		return seccomp(s.SeccompProfile, corev1.SeccompProfileTypeUnconfined)
	})),
	quiet("spec.containers[].securityContext.appArmorProfile", Accepted, "RuntimeDefault is what Fargate does"),
	loud("spec.containers[].securityContext.appArmorProfile", "other than RuntimeDefault", Warned, noAppArmor, "remove it", onSecurity(func(s corev1.SecurityContext) bool { return foreignAppArmor(s.AppArmorProfile) })),
}

func onPodSecurity(holds func(corev1.PodSecurityContext) bool) func(Input) []hit {
	return onPod(func(s *corev1.PodSpec) bool { return s.SecurityContext != nil && holds(*s.SecurityContext) })
}

func onSecurity(holds func(corev1.SecurityContext) bool) func(Input) []hit {
	return onContainers(func(c *corev1.Container) bool { return c.SecurityContext != nil && holds(*c.SecurityContext) })
}

func seccomp(profile *corev1.SeccompProfile, kind corev1.SeccompProfileType) bool {
	return profile != nil && profile.Type == kind
}

func foreignAppArmor(profile *corev1.AppArmorProfile) bool {
	return profile != nil && profile.Type != corev1.AppArmorProfileTypeRuntimeDefault
}

func groupAlone(in Input, c *corev1.Container) []hit {
	if runAsGroup(in.Pod, c) != nil && runAsUser(in.Pod, c) == nil {
		return []hit{{}}
	}
	return nil
}

// nonRoot finds the containers that must not run as root and whose user is as described.
func nonRoot(described func(user *int64) bool) func(Input, *corev1.Container) []hit {
	return func(in Input, c *corev1.Container) []hit {
		if mustNotBeRoot(in.Pod, c) && described(runAsUser(in.Pod, c)) {
			return []hit{{}}
		}
		return nil
	}
}
