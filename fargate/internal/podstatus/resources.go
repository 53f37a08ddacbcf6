package podstatus

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
)

// withSpec completes the status of a container that has run with what follows from its spec. A task never changes its
// size, so the resources are those that were asked for when it was first seen to run.
func withSpec(pod *corev1.Pod, spec *corev1.Container, status corev1.ContainerStatus) corev1.ContainerStatus {
	if status.ContainerID == "" {
		return status
	}
	if before := previous(pod, spec.Name); before.Resources != nil && IsSameRun(before.ContainerID, status.ContainerID) {
		status.Resources, status.AllocatedResources = before.Resources, before.AllocatedResources
	} else {
		status.Resources = spec.Resources.DeepCopy()
		status.AllocatedResources = status.Resources.Requests
	}
	status.User = userOf(pod, spec)
	return status
}

// userOf is the user and group of a container's first process; nil: the image says which, and only ECS knows that. Further
// groups are not told: the image may have some for the user.
func userOf(pod *corev1.Pod, spec *corev1.Container) *corev1.ContainerUser {
	var uid, gid *int64
	if c := pod.Spec.SecurityContext; c != nil {
		uid, gid = c.RunAsUser, c.RunAsGroup
	}
	if c := spec.SecurityContext; c != nil {
		uid, gid = cmp.Or(c.RunAsUser, uid), cmp.Or(c.RunAsGroup, gid)
	}
	if uid == nil || gid == nil {
		return nil
	}
	return &corev1.ContainerUser{Linux: &corev1.LinuxContainerUser{UID: *uid, GID: *gid}}
}
