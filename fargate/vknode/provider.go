package vknode

import (
	"context"

	"github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Provider is what a Node asks of the code that runs its pods.
//
// All methods may be called at once, except that CreatePod, UpdatePod,
// DeletePod and GetPod are never called at once for one namespace/name.
type Provider interface {
	// CreatePod and UpdatePod may err and are then tried again for ever, with
	// a Warning event a try; the pod's status is left alone. DeletePod is
	// called for a pod that has a running container, with its deletion
	// timestamp and grace period, and for a pod whose object is gone, with
	// what GetPod returned for it. An answer of GetPod that has another UID
	// than Node.Pods holds under that name counts as not found. GetPods is
	// asked once, after Recover: what it lists and the API server does not
	// know, by UID, is terminated.
	node.PodLifecycleHandler

	// NotifyPods hands over the callback that takes a pod's new status. It is
	// called once, after Recover. The callback wants the pod with its UID; of
	// it, the status that a kubelet owns and the annotations named in Config
	// are written, where they differ from what the API server has: a status
	// may be notified again without harm, and is, once someone else wrote over
	// it. The callback may be called from anywhere, also within the methods of
	// Provider, does not keep the pod, and may block for up to 3 s at start.
	node.PodNotifier

	// NotifyNodeStatus hands over the callback that takes changes of the
	// node's status: its conditions are merged by type (transition times are
	// kept here), its capacity, allocatable and addresses replace what was
	// registered where they are not nil; all else is ignored. It is called
	// once, when Run starts, and must not block. Nor does the callback.
	NotifyNodeStatus(ctx context.Context, changed func(*corev1.Node))

	// Recover is called once, after the caches have synced and before any
	// call about a pod: take up what already runs. It retries by itself until
	// ctx ends; an error ends Run.
	Recover(ctx context.Context) error

	// Terminate asks that everything of the pod be stopped, with the grace
	// that the pod has, and reports whether nothing of it runs any more. It is
	// called again, at most a second later, until that is so. It does not wait
	// for the stop. What cannot be known yet has not ended; a pod whose UID
	// is not known has.
	Terminate(ctx context.Context, uid types.UID) (ended bool)

	// Observed tells of each pod of this node that was added or changed in the
	// API server, our own status writes included, in order and not before
	// Recover has returned. The pod is the cached one: read only. It must not
	// block. Who finds a readiness gate or a condition changed there notifies
	// the pod anew.
	Observed(pod *corev1.Pod)
}
