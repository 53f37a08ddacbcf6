package vknode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// ownedConditions are the pod conditions that the kubelet alone writes. One
// that is no longer reported is removed. PodResizeInProgress is absent: no
// in-place resizing begins here.
var ownedConditions = []corev1.PodConditionType{
	corev1.PodReadyToStartContainers,
	corev1.PodInitialized,
	corev1.ContainersReady,
	corev1.PodReady,
	corev1.PodResizePending,
}

// sharedConditions are written by others, too, the first to say True being
// right: added and raised here, never lowered or removed.
var sharedConditions = []corev1.PodConditionType{
	corev1.PodScheduled,
	corev1.DisruptionTarget,
}

// statusPatch is the strategic merge patch for the status sub-resource that
// brings current, the API server's pod, to the status of reported, and the
// annotations named by keys to those of reported that it has. It is nil if
// nothing is to change. It holds for current's UID only.
func statusPatch(current, reported *corev1.Pod, keys []string, now metav1.Time) ([]byte, error) {
	before, err := json.Marshal(corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: pick(current.Annotations, keys)},
		Status:     current.Status,
	})
	if err != nil {
		return nil, fmt.Errorf("encode current status: %w", err)
	}
	annotations := pick(current.Annotations, keys)
	for key, value := range pick(reported.Annotations, keys) {
		annotations[key] = value
	}
	after, err := json.Marshal(corev1.Pod{
		// In after and not in before, so the patch names it: a precondition.
		ObjectMeta: metav1.ObjectMeta{UID: current.UID, Annotations: annotations},
		Status:     mergedStatus(current.Status, reported.Status, now),
	})
	if err != nil {
		return nil, fmt.Errorf("encode reported status: %w", err)
	}
	patch, err := strategicpatch.CreateTwoWayMergePatch(before, after, corev1.Pod{})
	if err != nil {
		return nil, fmt.Errorf("compute status patch: %w", err)
	}
	if bytes.Equal(patch, fmt.Appendf(nil, `{"metadata":{"uid":%q}}`, current.UID)) {
		return nil, nil
	}
	return patch, nil
}

// mergedStatus is reported, with what others own taken from current.
func mergedStatus(current, reported corev1.PodStatus, now metav1.Time) corev1.PodStatus {
	merged := *reported.DeepCopy()
	merged.Conditions = mergedConditions(current.Conditions, reported.Conditions, now)
	merged.QOSClass = current.QOSClass                                       // API server, immutable
	merged.NominatedNodeName = current.NominatedNodeName                     // scheduler
	merged.ResourceClaimStatuses = current.ResourceClaimStatuses             // resource claim controller
	merged.ExtendedResourceClaimStatus = current.ExtendedResourceClaimStatus // scheduler
	if merged.StartTime == nil {
		merged.StartTime = current.StartTime
	}
	return merged
}

// mergedConditions keeps current's order and all conditions of others.
func mergedConditions(current, reported []corev1.PodCondition, now metav1.Time) []corev1.PodCondition {
	var merged []corev1.PodCondition
	for _, was := range current {
		is, found := findCondition(reported, was.Type)
		switch {
		case found && writable(was):
			merged = append(merged, continued(was, is, now))
		case slices.Contains(ownedConditions, was.Type):
			// No longer reported.
		default:
			if found && was.Type == corev1.PodScheduled {
				// Which spec it was seen with is the kubelet's to say, also of one that others have made True.
				was.ObservedGeneration = max(was.ObservedGeneration, is.ObservedGeneration)
			}
			merged = append(merged, was)
		}
	}
	for _, is := range reported {
		was, found := findCondition(current, is.Type)
		was.Type = is.Type
		if !found && writable(was) {
			merged = append(merged, continued(was, is, now))
		}
	}
	return merged
}

// writable reports whether a condition that the API server has as was, its
// type alone if it has none, may be written here.
func writable(was corev1.PodCondition) bool {
	return slices.Contains(ownedConditions, was.Type) ||
		slices.Contains(sharedConditions, was.Type) && was.Status != corev1.ConditionTrue
}

// continued is the condition is, with the transition time of was as long as
// the status has not changed.
func continued(was, is corev1.PodCondition, now metav1.Time) corev1.PodCondition {
	is.LastProbeTime = was.LastProbeTime
	if is.Status == was.Status && !was.LastTransitionTime.IsZero() {
		is.LastTransitionTime = was.LastTransitionTime
	}
	if is.LastTransitionTime.IsZero() {
		is.LastTransitionTime = now
	}
	return is
}

func findCondition(conditions []corev1.PodCondition, t corev1.PodConditionType) (corev1.PodCondition, bool) {
	i := slices.IndexFunc(conditions, func(c corev1.PodCondition) bool { return c.Type == t })
	if i < 0 {
		return corev1.PodCondition{}, false
	}
	return conditions[i], true
}

func pick(from map[string]string, keys []string) map[string]string {
	picked := map[string]string{}
	for _, key := range keys {
		if value, ok := from[key]; ok {
			picked[key] = value
		}
	}
	return picked
}
