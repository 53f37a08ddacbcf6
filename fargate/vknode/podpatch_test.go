package vknode

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

var (
	noon = metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	one  = metav1.NewTime(noon.Add(time.Hour))
)

func ready(status corev1.ConditionStatus, at metav1.Time) corev1.PodCondition {
	return corev1.PodCondition{Type: corev1.PodReady, Status: status, LastTransitionTime: at}
}

func condition(t corev1.PodConditionType, status corev1.ConditionStatus, at metav1.Time) corev1.PodCondition {
	return corev1.PodCondition{Type: t, Status: status, LastTransitionTime: at}
}

func seenWith(generation int64, c corev1.PodCondition) corev1.PodCondition {
	c.ObservedGeneration = generation
	return c
}

func statusOf(conditions ...corev1.PodCondition) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodRunning, Conditions: conditions}
}

// TestStatusPatch applies each patch to what the API server has, which may be
// newer than what the patch was computed from.
func TestStatusPatch(t *testing.T) {
	for name, c := range map[string]struct {
		why                     string
		cached, reported, after corev1.PodStatus
		server                  *corev1.PodStatus // nil: as cached
		none                    bool              // no call at all
	}{
		"nothing has changed": {
			why:      "each call costs the API server a write and every watcher an event",
			cached:   statusOf(ready("True", noon)),
			reported: statusOf(ready("True", one)),
			after:    statusOf(ready("True", noon)),
			none:     true,
		},
		"a time with nanoseconds": {
			why:      "the API server keeps seconds",
			cached:   corev1.PodStatus{StartTime: &noon},
			reported: corev1.PodStatus{StartTime: &metav1.Time{Time: noon.Add(time.Nanosecond)}},
			after:    corev1.PodStatus{StartTime: &noon},
			none:     true,
		},
		"a pod starts": {
			why:      "the plain case",
			cached:   corev1.PodStatus{Phase: corev1.PodPending, QOSClass: "Burstable"},
			reported: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}, StartTime: &noon},
			after:    corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}, StartTime: &noon, QOSClass: "Burstable"},
		},
		"the address changes": {
			why:      "podIPs and hostIPs are merged by address: the old one must be named to go",
			cached:   corev1.PodStatus{PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}, HostIP: "10.0.1.1", HostIPs: []corev1.HostIP{{IP: "10.0.1.1"}}},
			reported: corev1.PodStatus{PodIP: "10.0.0.2", PodIPs: []corev1.PodIP{{IP: "10.0.0.2"}}, HostIP: "10.0.1.2", HostIPs: []corev1.HostIP{{IP: "10.0.1.2"}}},
			after:    corev1.PodStatus{PodIP: "10.0.0.2", PodIPs: []corev1.PodIP{{IP: "10.0.0.2"}}, HostIP: "10.0.1.2", HostIPs: []corev1.HostIP{{IP: "10.0.1.2"}}},
		},
		"the address goes": {
			why:      "a pod between two tasks has none",
			cached:   corev1.PodStatus{PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}},
			reported: corev1.PodStatus{},
			after:    corev1.PodStatus{},
		},
		"reason and message go": {
			why:      "an error that is over must not stay on show",
			cached:   corev1.PodStatus{Phase: corev1.PodPending, Reason: "Capacity", Message: "none left"},
			reported: corev1.PodStatus{Phase: corev1.PodRunning},
			after:    corev1.PodStatus{Phase: corev1.PodRunning},
		},
		"a container is waiting no more": {
			why: "container statuses are replaced as a whole, or two states are set at once",
			cached: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				{Name: "a", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}}, {Name: "b"}}},
			reported: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				{Name: "a", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: noon}}}, {Name: "b"}}},
			after: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				{Name: "a", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: noon}}}, {Name: "b"}}},
		},
		"a condition changes its status": {
			why:      "the reported time of the change is the truth",
			cached:   statusOf(ready("False", noon)),
			reported: statusOf(ready("True", one)),
			after:    statusOf(ready("True", one)),
		},
		"a condition changes its reason alone": {
			why:      "that is no transition",
			cached:   statusOf(ready("False", noon)),
			reported: statusOf(corev1.PodCondition{Type: corev1.PodReady, Status: "False", Reason: "ContainersNotReady", LastTransitionTime: one}),
			after:    statusOf(corev1.PodCondition{Type: corev1.PodReady, Status: "False", Reason: "ContainersNotReady", LastTransitionTime: noon}),
		},
		"a new condition without a time": {
			why:      "the zero time is shown as null",
			cached:   statusOf(),
			reported: statusOf(condition(corev1.ContainersReady, "True", metav1.Time{})),
			after:    statusOf(condition(corev1.ContainersReady, "True", one)),
		},
		"a condition of ours is no longer reported": {
			why:      "nobody else would remove it",
			cached:   statusOf(ready("True", noon), condition(corev1.PodReadyToStartContainers, "True", noon)),
			reported: statusOf(ready("True", noon)),
			after:    statusOf(ready("True", noon)),
		},
		"a resize is infeasible no more": {
			why:      "autoscalers read it",
			cached:   statusOf(ready("True", noon), condition(corev1.PodResizePending, "True", noon)),
			reported: statusOf(ready("True", noon)),
			after:    statusOf(ready("True", noon)),
		},
		"a resize is infeasible": {
			why:      "the API server has no such condition before",
			cached:   statusOf(ready("True", noon)),
			reported: statusOf(ready("True", noon), condition(corev1.PodResizePending, "True", one)),
			after:    statusOf(ready("True", noon), condition(corev1.PodResizePending, "True", one)),
		},
		"a foreign condition that the report lacks": {
			why:      "a readiness gate is its controller's",
			cached:   statusOf(condition("example.com/gate", "True", noon), ready("False", noon)),
			reported: statusOf(ready("True", one)),
			after:    statusOf(condition("example.com/gate", "True", noon), ready("True", one)),
		},
		"a foreign condition as it was before": {
			why:      "the report was built before its controller changed it",
			cached:   statusOf(condition("example.com/gate", "True", one), ready("False", noon)),
			reported: statusOf(condition("example.com/gate", "False", noon), ready("True", one)),
			after:    statusOf(condition("example.com/gate", "True", one), ready("True", one)),
		},
		"a foreign condition that is gone meanwhile": {
			why:      "the report was built before its controller removed it",
			cached:   statusOf(ready("False", noon)),
			reported: statusOf(condition("example.com/gate", "True", noon), ready("True", one)),
			after:    statusOf(ready("True", one)),
		},
		"a foreign condition that our cache has not seen": {
			why:      "the patch must not name the whole list",
			cached:   statusOf(ready("False", noon)),
			reported: statusOf(ready("True", one)),
			server:   &corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{ready("False", noon), condition("example.com/gate", "True", noon)}},
			after:    statusOf(ready("True", one), condition("example.com/gate", "True", noon)),
		},
		"another says that the pod is disrupted": {
			why:      "an eviction's condition is kept, ours about the same stays theirs",
			cached:   statusOf(condition(corev1.DisruptionTarget, "True", noon)),
			reported: statusOf(corev1.PodCondition{Type: corev1.DisruptionTarget, Status: "True", Reason: "Spot", LastTransitionTime: one}),
			after:    statusOf(condition(corev1.DisruptionTarget, "True", noon)),
			none:     true,
		},
		"we say that the pod is disrupted": {
			why:      "a Job's pod failure policy reads it",
			cached:   statusOf(),
			reported: statusOf(condition(corev1.DisruptionTarget, "True", one)),
			after:    statusOf(condition(corev1.DisruptionTarget, "True", one)),
		},
		"a pod that was bound without a scheduler": {
			why:      "nobody else says PodScheduled then",
			cached:   statusOf(),
			reported: statusOf(condition(corev1.PodScheduled, "True", noon)),
			after:    statusOf(condition(corev1.PodScheduled, "True", noon)),
		},
		"a pod whose spec has changed": {
			why:      "all conditions say so, also the scheduler's",
			cached:   statusOf(seenWith(1, condition(corev1.PodScheduled, "True", noon)), seenWith(1, ready("True", noon)), seenWith(1, condition("example.com/gate", "True", noon))),
			reported: statusOf(seenWith(2, condition(corev1.PodScheduled, "True", one)), seenWith(2, ready("True", one))),
			after:    statusOf(seenWith(2, condition(corev1.PodScheduled, "True", noon)), seenWith(2, ready("True", noon)), seenWith(1, condition("example.com/gate", "True", noon))),
		},
		"what the scheduler and the API server write": {
			why:      "a report knows nothing of these, or what they were",
			cached:   corev1.PodStatus{QOSClass: "Guaranteed", NominatedNodeName: "n", StartTime: &noon, Conditions: []corev1.PodCondition{condition(corev1.PodScheduled, "True", noon)}},
			reported: corev1.PodStatus{QOSClass: "BestEffort"},
			after:    corev1.PodStatus{QOSClass: "Guaranteed", NominatedNodeName: "n", StartTime: &noon, Conditions: []corev1.PodCondition{condition(corev1.PodScheduled, "True", noon)}},
			none:     true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cached, reported := &corev1.Pod{Status: c.cached}, &corev1.Pod{Status: c.reported}
			cached.UID = "u"
			patch, err := statusPatch(cached, reported, nil, one)
			if err != nil {
				t.Fatal(err)
			}
			if c.none != (patch == nil) {
				t.Errorf("%s: patch %s", c.why, patch)
			}
			server := cached.DeepCopy()
			if c.server != nil {
				server.Status = *c.server
			}
			after := applied(t, server, patch)
			if diff := cmp.Diff(c.after, after.Status); diff != "" {
				t.Errorf("%s (-want +got):\n%s\npatch %s", c.why, diff, patch)
			}
		})
	}
}

func TestStatusPatchMetadata(t *testing.T) {
	current := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		UID: "u", Labels: map[string]string{"l": "theirs"}, Finalizers: []string{"theirs"},
		Annotations: map[string]string{"a": "theirs", "ours/1": "old", "ours/2": "kept", "ours/chosen-by-the-user": "new"},
	}}
	reported := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		UID:         "u",
		Annotations: map[string]string{"a": "stale", "ours/1": "new", "ours/3": "added", "ours/chosen-by-the-user": "stale"},
	}}
	patch, err := statusPatch(current, reported, []string{"ours/1", "ours/2", "ours/3"}, one)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(patch, &got); err != nil {
		t.Fatal(err)
	}
	want := any(map[string]any{"metadata": map[string]any{
		"uid":         "u", // a precondition
		"annotations": map[string]any{"ours/1": "new", "ours/3": "added"},
	}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// applied is the API server's part.
func applied(t *testing.T, pod *corev1.Pod, patch []byte) *corev1.Pod {
	t.Helper()
	if patch == nil {
		return pod
	}
	before, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := strategicpatch.StrategicMergePatch(before, patch, corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	after := &corev1.Pod{}
	if err := json.Unmarshal(merged, after); err != nil {
		t.Fatal(err)
	}
	for i := range after.Status.Conditions { // decoded as local time
		at := &after.Status.Conditions[i].LastTransitionTime
		at.Time = at.UTC()
	}
	for i := range after.Status.ContainerStatuses {
		if r := after.Status.ContainerStatuses[i].State.Running; r != nil {
			r.StartedAt.Time = r.StartedAt.UTC()
		}
	}
	if after.Status.StartTime != nil {
		after.Status.StartTime.Time = after.Status.StartTime.UTC()
	}
	return after
}
