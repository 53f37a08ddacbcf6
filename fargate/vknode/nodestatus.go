package vknode

import (
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// healthy are the five conditions of a kubelet's node while nothing is wrong.
var healthy = []corev1.NodeCondition{
	{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "virtual-kubelet is posting ready status"},
	{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory", Message: "each pod has its own memory on Fargate"},
	{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure", Message: "each pod has its own disk on Fargate"},
	{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", Message: "each pod has its own kernel on Fargate"},
	{Type: corev1.NodeNetworkUnavailable, Status: corev1.ConditionFalse, Reason: "RouteCreated", Message: "each pod has its own network interface in the VPC"},
}

// nodeStatus is the node as it should be in the API server, status included.
type nodeStatus struct {
	changed chan struct{} // holds one token after a change

	mu   sync.Mutex // guards node
	node *corev1.Node
}

// newNodeStatus takes the node, adds the conditions that it lacks, and its
// kubelet's port.
func newNodeStatus(node *corev1.Node, kubeletPort int32, now metav1.Time) *nodeStatus {
	node = node.DeepCopy()
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = kubeletPort
	node.Status.Conditions = mergedNodeConditions(mergedNodeConditions(nil, healthy, now), node.Status.Conditions, now)
	return &nodeStatus{changed: make(chan struct{}, 1), node: node}
}

// snapshot is a copy of the node as it should be now.
func (s *nodeStatus) snapshot() *corev1.Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node.DeepCopy()
}

// report merges what the provider says of the node, and never blocks.
func (s *nodeStatus) report(reported *corev1.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := &s.node.Status
	status.Conditions = mergedNodeConditions(status.Conditions, reported.Status.Conditions, metav1.Now())
	if reported.Status.Capacity != nil {
		status.Capacity = reported.Status.Capacity.DeepCopy()
	}
	if reported.Status.Allocatable != nil {
		status.Allocatable = reported.Status.Allocatable.DeepCopy()
	}
	if reported.Status.Addresses != nil {
		status.Addresses = slices.Clone(reported.Status.Addresses)
	}
	select {
	case s.changed <- struct{}{}:
	default: // the change before this one has not been taken yet; both go together
	}
}

// continueFrom takes over the transition times of conditions that have the
// same status in the API server's node.
func (s *nodeStatus) continueFrom(registered *corev1.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, is := range s.node.Status.Conditions {
		for _, was := range registered.Status.Conditions {
			if was.Type == is.Type && was.Status == is.Status {
				s.node.Status.Conditions[i].LastTransitionTime = was.LastTransitionTime
			}
		}
	}
}

// mergedNodeConditions is current with the reported ones in place of those of
// their types. The transition time of one whose status has not changed stays.
func mergedNodeConditions(current, reported []corev1.NodeCondition, now metav1.Time) []corev1.NodeCondition {
	merged := slices.Clone(current)
	for _, is := range reported {
		is.LastHeartbeatTime, is.LastTransitionTime = now, now
		i := slices.IndexFunc(merged, func(c corev1.NodeCondition) bool { return c.Type == is.Type })
		if i < 0 {
			merged = append(merged, is)
			continue
		}
		if merged[i].Status == is.Status {
			is.LastTransitionTime = merged[i].LastTransitionTime
		}
		merged[i] = is
	}
	return merged
}
