package podfile

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// What Linux takes (limits.h); of a path, the directories that volumes lie in have some.
const (
	maxName = 255
	maxPath = 4096 - 256
)

// within is a path that does not lead out of the volume, as the API server has seen to.
func within(name string) string { return path.Clean("/" + name)[1:] }

// unusable says why no file can have a path, which the API server does not look at; "": one can.
func unusable(name string) string {
	switch name = within(name); {
	case strings.ContainsRune(name, 0):
		return fmt.Sprintf("path %q holds a NUL", name)
	case len(name) > maxPath:
		return fmt.Sprintf("a path has %d bytes, and at most %d have room", len(name), maxPath)
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxName {
			return fmt.Sprintf("a path has a name of %d bytes in it, and Linux takes %d", len(part), maxName)
		}
	}
	return ""
}

// isUsable tells whether a file can have a path, and refuses the pod if none can: field is what names the path.
func (r *resolver) isUsable(field, name string) bool {
	why := unusable(name)
	if why != "" {
		r.problems = append(r.problems, podenv.Problem{Field: field + ".path", Effect: podenv.Refuses, Reason: podenv.ReasonUnsupported,
			Message: fmt.Sprintf("volume %s: %s", r.volume, why)})
	}
	return why == ""
}

// usable are the items that a file can be made of, which does not depend on what their source holds.
func (r *resolver) usable(items []corev1.KeyToPath) []corev1.KeyToPath {
	var list []corev1.KeyToPath
	for i, item := range items {
		if r.isUsable(fmt.Sprintf("%s.items[%d]", r.field, i), item.Path) {
			list = append(list, item)
		}
	}
	return list
}
