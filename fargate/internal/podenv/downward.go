package podenv

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// fieldRef answers from the pod itself.
func (r *resolver) fieldRef(field string, ref *corev1.ObjectFieldSelector) (Variable, bool) {
	value, marks, known := Field(r.pod, r.sources, ref.FieldPath)
	if !known {
		r.problem(Refuses, field, ReasonUnsupported, "%s is not known before the task starts", ref.FieldPath)
		return Variable{}, false
	}
	return Variable{Value: value, Marks: marks, Field: field}, true
}

// Field returns what the downward API says of a pod under a path such as metadata.labels['app']; false: nothing is
// known under it. What replicas of one template share (namespace, node, service account) is not PerPod; the rest is,
// labels and annotations included, for a StatefulSet's pods differ there. The pod's own addresses are AtStart, and
// replicas share the stand-in.
func Field(pod *corev1.Pod, sources Sources, path string) (value string, marks Marks, known bool) {
	own := Marks{PerPod: true}
	switch list, key, hasKey := subscript(path); {
	case hasKey && list == "metadata.labels":
		return pod.Labels[key], own, true
	case hasKey && list == "metadata.annotations":
		return pod.Annotations[key], own, true
	}
	switch path {
	case "metadata.name":
		return pod.Name, own, true
	case "metadata.uid":
		return string(pod.UID), own, true
	case "metadata.labels":
		return formatMap(pod.Labels), own, true
	case "metadata.annotations":
		return formatMap(pod.Annotations), own, true
	case "metadata.namespace":
		return pod.Namespace, Marks{}, true
	case "spec.nodeName":
		return nodeName(pod, sources), Marks{}, true
	case "status.hostIP", "status.hostIPs": // a node has one address here
		return sources.HostIP, Marks{}, true
	case "status.podIP", "status.podIPs":
		return PodIP, Marks{AtStart: true}, true
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, Marks{}, true
	}
	return "", Marks{}, false
}

func nodeName(pod *corev1.Pod, sources Sources) string {
	if pod.Spec.NodeName != "" {
		return pod.Spec.NodeName
	}
	return sources.NodeName
}

// subscript splits metadata.labels['key'] into its path and key.
func subscript(path string) (string, string, bool) {
	rest, ok := strings.CutSuffix(path, "']")
	if !ok {
		return path, "", false
	}
	return strings.Cut(rest, "['")
}

// formatMap writes labels as the downward API does: key="value", one a line, sorted.
func formatMap(m map[string]string) string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, key+"="+strconv.Quote(m[key]))
	}
	return strings.Join(lines, "\n")
}

// resourceFieldRef answers for the container itself unless another is named.
func (r *resolver) resourceFieldRef(field string, ref *corev1.ResourceFieldSelector) (Variable, bool) {
	named := *ref
	named.ContainerName = cmp.Or(ref.ContainerName, r.container.Name)
	value, known := Resource(r.pod, r.sources, &named)
	if !known {
		r.problem(Refuses, field, ReasonUnsupported, "%s of container %q is not known", ref.Resource, named.ContainerName)
		return Variable{}, false
	}
	return Variable{Value: value, Field: field}, true
}

// Resource returns a container's request or limit in units of the divisor, rounded up; false: it is of another
// resource than CPU, memory and ephemeral storage, or of no container of the pod. A limit that is not set is the pod's,
// else what the node has to give; a request that is not set is 0.
func Resource(pod *corev1.Pod, sources Sources, ref *corev1.ResourceFieldSelector) (value string, known bool) {
	kind, resourceName, _ := strings.Cut(ref.Resource, ".")
	name := corev1.ResourceName(resourceName)
	countable := name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
	c := named(pod, ref.ContainerName)
	switch {
	case !countable || c == nil:
		return "", false
	case kind == "requests":
		return inUnits(name, c.Resources.Requests[name], ref.Divisor), true
	case kind == "limits":
		return inUnits(name, limit(pod, sources, c, name), ref.Divisor), true
	}
	return "", false
}

func named(pod *corev1.Pod, container string) *corev1.Container {
	for _, some := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range some {
			if some[i].Name == container {
				return &some[i]
			}
		}
	}
	return nil
}

func limit(pod *corev1.Pod, sources Sources, c *corev1.Container, name corev1.ResourceName) resource.Quantity {
	if q := c.Resources.Limits[name]; !q.IsZero() {
		return q
	}
	if pod.Spec.Resources != nil {
		if q := pod.Spec.Resources.Limits[name]; !q.IsZero() {
			return q
		}
	}
	return sources.Allocatable[name]
}

// inUnits divides as kubelet does: CPU by thousandths, all else by whole units, and up to the next whole
// number. A zero divisor means 1.
func inUnits(name corev1.ResourceName, q, divisor resource.Quantity) string {
	if divisor.IsZero() {
		divisor = resource.MustParse("1")
	}
	n := float64(q.Value()) / float64(divisor.Value())
	if name == corev1.ResourceCPU {
		n = float64(q.MilliValue()) / float64(divisor.MilliValue())
	}
	return strconv.FormatInt(int64(math.Ceil(n)), 10)
}
