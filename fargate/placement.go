package fargate

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
)

// placement tells what would keep a scheduler from giving the node the pods. Pods that are here were scheduled, so that
// a running node never asks; and other nodes are not known, so that it is noted and no more.
func (e *explainer) placement(w manifest.Workload) []Finding {
	return slices.Concat(e.selected(w.Pod), e.apart(w), e.spread(w))
}

// selected finds the labels of a nodeSelector that the node does not have. Architecture and operating system are the
// table's, and region and zone are known to a running node.
func (e *explainer) selected(pod *corev1.Pod) []Finding {
	var findings []Finding
	for _, key := range slices.Sorted(maps.Keys(pod.Spec.NodeSelector)) {
		want := pod.Spec.NodeSelector[key]
		if has, labelled := e.labels[key]; labelled && has == want || e.unknown(key) {
			continue
		}
		findings = append(findings, Finding{noted, "spec.nodeSelector[" + key + "]", fmt.Sprintf(
			"the node has no label %s=%q, so that no scheduler gives it the pod: select type=%s, or label the node", key, want, virtualKubelet)})
	}
	return findings
}

// unknown tells whether a label is judged elsewhere, or given by what is not in the files.
func (e *explainer) unknown(key string) bool {
	switch key {
	case corev1.LabelArchStable, corev1.LabelOSStable, "beta." + corev1.LabelArchStable, "beta." + corev1.LabelOSStable:
		return true
	case corev1.LabelTopologyRegion:
		return e.account.config.Region == ""
	case corev1.LabelTopologyZone:
		return e.account.config.Node.Zone == ""
	}
	return false
}

// apart finds pods of one template that may not share a node, or what the node has of a topology.
func (e *explainer) apart(w manifest.Workload) []Finding {
	affinity := w.Pod.Spec.Affinity
	if w.Replicas < 2 || affinity == nil || affinity.PodAntiAffinity == nil {
		return nil
	}
	var findings []Finding
	for i, term := range affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
		if _, has := e.labels[term.TopologyKey]; has && meansItself(w.Pod, term) {
			findings = append(findings, Finding{noted, fmt.Sprintf("spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[%d]", i), fmt.Sprintf(
				"one of the %d pods can be on the node, for no two may have the same %s; the others need other nodes, though each has a machine of its own on Fargate: remove it, or prefer it", w.Replicas, term.TopologyKey)})
		}
	}
	return findings
}

// meansItself tells whether a term is about the pods of the template that it stands in.
func meansItself(pod *corev1.Pod, term corev1.PodAffinityTerm) bool {
	everywhere := term.NamespaceSelector != nil && len(term.NamespaceSelector.MatchLabels)+len(term.NamespaceSelector.MatchExpressions) == 0
	own := len(term.Namespaces) == 0 && term.NamespaceSelector == nil
	inIt := everywhere || own || slices.Contains(term.Namespaces, pod.Namespace)
	mismatched := slices.ContainsFunc(term.MismatchLabelKeys, func(key string) bool { _, has := pod.Labels[key]; return has })
	return inIt && !mismatched && matches(pod, term.LabelSelector)
}

// matches tells whether a selector is about the pod; nil is about none.
func matches(pod *corev1.Pod, selector *metav1.LabelSelector) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(pod.Labels))
}

// spread finds pods of one template that are to be spread over more nodes than there may be. Spread over this node
// alone they are even, whatever their number; it is other nodes, with fewer pods, that hold them up.
func (e *explainer) spread(w manifest.Workload) []Finding {
	var findings []Finding
	for i, c := range w.Pod.Spec.TopologySpreadConstraints {
		more := w.Replicas > int(c.MaxSkew) && c.WhenUnsatisfiable == corev1.DoNotSchedule && c.TopologyKey == corev1.LabelHostname && matches(w.Pod, c.LabelSelector)
		honors := ptr.Deref(c.NodeAffinityPolicy, corev1.NodeInclusionPolicyHonor) == corev1.NodeInclusionPolicyHonor
		message := ""
		switch domains := ptr.Deref(c.MinDomains, 1); {
		case !more:
		case domains > 1:
			message = fmt.Sprintf("%d of the %d pods can be on the node until there are %d such nodes (minDomains)", c.MaxSkew, w.Replicas, domains)
		case !honors || !meant(w.Pod, e.labels):
			message = fmt.Sprintf("the node takes at most %d more of the pods than the emptiest of the nodes that count: where one takes none, %d of %d stay Pending; select type=%s", c.MaxSkew, w.Replicas-int(c.MaxSkew), w.Replicas, virtualKubelet)
		}
		if message != "" {
			findings = append(findings, Finding{noted, fmt.Sprintf("spec.topologySpreadConstraints[%d]", i), message})
		}
	}
	return findings
}
