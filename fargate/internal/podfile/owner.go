package podfile

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// owner decides whose the files of a pod are. They are root's, and what the pod's security context adds is kubelet's
// rule (pkg/volume: SetVolumeOwnership; pkg/volume/projected: collectData): files of an fsGroup belong to it and may be
// read by it.
//
// A kubelet makes fsGroup a further group of every process, and ECS knows a user and one group. So fsGroup becomes the
// group of the processes that name no other; where one may not be in it, everybody gets what the group may.
type owner struct {
	fsGroup  *int64
	fsUser   *int64 // the user of all containers, if they have the same
	everyone bool   // some process may not be in fsGroup
}

func ownerOf(pod *corev1.Pod) owner {
	security := ptr.Deref(pod.Spec.SecurityContext, corev1.PodSecurityContext{})
	o := owner{fsGroup: security.FSGroup}
	same := true
	for i, c := range containersOf(pod) {
		own := ptr.Deref(c.SecurityContext, corev1.SecurityContext{})
		user, group := firstOf(own.RunAsUser, security.RunAsUser), firstOf(own.RunAsGroup, security.RunAsGroup)
		if i == 0 {
			o.fsUser = user
		}
		same = same && user != nil && *user == *o.fsUser
		isRoot := user != nil && *user == 0
		isIn := user != nil && (group == nil || o.fsGroup != nil && *group == *o.fsGroup)
		o.everyone = o.everyone || !isRoot && !isIn
	}
	if !same {
		o.fsUser = nil
	}
	return o
}

func containersOf(pod *corev1.Pod) []corev1.Container {
	return append(pod.Spec.InitContainers[:len(pod.Spec.InitContainers):len(pod.Spec.InitContainers)], pod.Spec.Containers...)
}

func firstOf(a, b *int64) *int64 {
	if a != nil {
		return a
	}
	return b
}

// group of all files, 0 without an fsGroup. The API server has seen to its bounds; beyond them tar has no room for it.
func (o owner) group() int64 { return min(max(ptr.Deref(o.fsGroup, 0), 0), math.MaxInt32) }

// ofFile is the mode of a file that asks for the given.
func (o owner) ofFile(mode int64) int64 { return o.shared(mode, 0o440) }

// ofDirectory is the mode of a directory within a volume.
func (o owner) ofDirectory() int64 { return o.shared(0o755, 0o550) }

func (o owner) shared(mode, groups int64) int64 {
	if o.fsGroup == nil {
		return mode
	}
	mode |= groups
	if o.everyone {
		mode |= mode >> 3 & 0o7
	}
	return mode
}

// ofToken is the mode of a token: nobody else's business where its reader is known.
func (o owner) ofToken(mode int64) int64 {
	if o.fsUser != nil || o.fsGroup != nil {
		mode = 0o600
	}
	return o.ofFile(mode)
}

func (o owner) tokenUID() int64 { return ptr.Deref(o.fsUser, 0) }

// Root says whose the root of a volume is: everybody may write, and what is made there belongs to an fsGroup.
func Root(pod *corev1.Pod) (gid, mode int64) {
	o := ownerOf(pod)
	if o.fsGroup == nil {
		return 0, 0o777
	}
	return o.group(), 0o2777
}
