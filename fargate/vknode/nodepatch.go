package vknode

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

const (
	// ownTaintPrefix begins the default taint's key, also of the nodes that
	// older virtual-kubelets have registered.
	ownTaintPrefix = "virtual-kubelet.io/"
	// taintKeysAnnotation remembers the keys of the taints that we have set, so
	// that one with a key of the user's can be taken away again.
	taintKeysAnnotation = "fargate.virtual-kubelet.io/taint-keys"
)

// nodeSpecPatch is the JSON merge patch that gives registered, the API
// server's node, the taints of wanted and its provider ID, if it has none yet:
// that may not change. Taints and all else that others have set stay. It is
// nil if nothing is to change, and holds for registered's resource version
// only, since the list of taints is replaced as a whole.
func nodeSpecPatch(registered, wanted *corev1.Node) ([]byte, error) {
	taints := mergedTaints(registered, wanted.Spec.Taints)
	keys := taintKeys(wanted.Spec.Taints)
	id := registered.Spec.ProviderID
	if id == "" {
		id = wanted.Spec.ProviderID
	}
	if equality.Semantic.DeepEqual(taints, registered.Spec.Taints) &&
		registered.Annotations[taintKeysAnnotation] == keys && id == registered.Spec.ProviderID {
		return nil, nil
	}
	metadata := map[string]any{"annotations": map[string]string{taintKeysAnnotation: keys}}
	if registered.ResourceVersion != "" {
		metadata["resourceVersion"] = registered.ResourceVersion
	}
	spec := map[string]any{"taints": taints}
	if id != "" {
		spec["providerID"] = id
	}
	patch, err := json.Marshal(map[string]any{"metadata": metadata, "spec": spec})
	if err != nil {
		return nil, fmt.Errorf("encode node patch: %w", err)
	}
	return patch, nil
}

// mergedTaints is what registered has, ours replaced by wanted.
func mergedTaints(registered *corev1.Node, wanted []corev1.Taint) []corev1.Taint {
	former := strings.Split(registered.Annotations[taintKeysAnnotation], ",")
	merged := slices.DeleteFunc(slices.Clone(registered.Spec.Taints), func(t corev1.Taint) bool {
		ours := strings.HasPrefix(t.Key, ownTaintPrefix) || slices.Contains(former, t.Key) || hasTaintKey(wanted, t.Key)
		return ours && !slices.ContainsFunc(wanted, func(w corev1.Taint) bool { return w.MatchTaint(&t) && w.Value == t.Value })
	})
	for _, w := range wanted {
		if !slices.ContainsFunc(merged, func(t corev1.Taint) bool { return t.MatchTaint(&w) }) {
			merged = append(merged, w)
		}
	}
	return merged
}

func hasTaintKey(taints []corev1.Taint, key string) bool {
	return slices.ContainsFunc(taints, func(t corev1.Taint) bool { return t.Key == key })
}

// taintKeys is the value of taintKeysAnnotation for these taints.
func taintKeys(taints []corev1.Taint) string {
	keys := map[string]bool{}
	for _, t := range taints {
		keys[t.Key] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(keys)), ",")
}
