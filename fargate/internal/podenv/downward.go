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

// fieldRef answers from the pod itself. What replicas of one template share (namespace, node, service
// account) is not PerPod; the rest is, labels and annotations included, for a StatefulSet's pods differ there.
func (r *resolver) fieldRef(field string, ref *corev1.ObjectFieldSelector) (Variable, bool) {
	perPod := func(value string) (Variable, bool) {
		return Variable{Value: value, Marks: Marks{PerPod: true}, Field: field}, true
	}
	shared := func(value string) (Variable, bool) { return Variable{Value: value, Field: field}, true }

	switch path, key, hasKey := subscript(ref.FieldPath); {
	case hasKey && path == "metadata.labels":
		return perPod(r.pod.Labels[key])
	case hasKey && path == "metadata.annotations":
		return perPod(r.pod.Annotations[key])
	}
	switch ref.FieldPath {
	case "metadata.name":
		return perPod(r.pod.Name)
	case "metadata.uid":
		return perPod(string(r.pod.UID))
	case "metadata.labels":
		return perPod(formatMap(r.pod.Labels))
	case "metadata.annotations":
		return perPod(formatMap(r.pod.Annotations))
	case "metadata.namespace":
		return shared(r.pod.Namespace)
	case "spec.nodeName":
		return shared(nodeName(r.pod, r.sources))
	case "status.hostIP", "status.hostIPs": // a node has one address here
		return shared(r.sources.HostIP)
	case "spec.serviceAccountName":
		return shared(r.pod.Spec.ServiceAccountName)
	}
	r.problem(Refuses, field, ReasonUnsupported, "%s is not known before the task starts", ref.FieldPath)
	return Variable{}, false
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

// resourceFieldRef answers with a container's request or limit in units of the divisor, rounded up. A
// limit that is not set is the pod's, else what the node has to give; a request that is not set is 0.
func (r *resolver) resourceFieldRef(field string, ref *corev1.ResourceFieldSelector) (Variable, bool) {
	kind, resourceName, _ := strings.Cut(ref.Resource, ".")
	name := corev1.ResourceName(resourceName)
	amount, known := map[string]func(*corev1.Container, corev1.ResourceName) resource.Quantity{
		"requests": request,
		"limits":   r.limit,
	}[kind]
	countable := name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
	container := r.named(ref.ContainerName)
	if !known || !countable || container == nil {
		r.problem(Refuses, field, ReasonUnsupported, "%s of container %q is not known", ref.Resource, cmp.Or(ref.ContainerName, r.container.Name))
		return Variable{}, false
	}
	return Variable{Value: inUnits(name, amount(container, name), ref.Divisor), Field: field}, true
}

func request(c *corev1.Container, name corev1.ResourceName) resource.Quantity {
	return c.Resources.Requests[name]
}

func (r *resolver) named(container string) *corev1.Container {
	if container == "" {
		return r.container
	}
	for _, some := range [][]corev1.Container{r.pod.Spec.Containers, r.pod.Spec.InitContainers} {
		for i := range some {
			if some[i].Name == container {
				return &some[i]
			}
		}
	}
	return nil
}

func (r *resolver) limit(c *corev1.Container, name corev1.ResourceName) resource.Quantity {
	if q := c.Resources.Limits[name]; !q.IsZero() {
		return q
	}
	if r.pod.Spec.Resources != nil {
		if q := r.pod.Spec.Resources.Limits[name]; !q.IsZero() {
			return q
		}
	}
	return r.sources.Allocatable[name]
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
