package vknode

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
)

// bridge is the provider as the core sees it.
type bridge struct {
	Provider
	cache    corev1listers.PodLister
	notified atomic.Uint64
}

// NotifyPods hands on pods that the core never takes for a repetition, nor for
// a deletion. Of two equal ones in a row it would keep the second, and send it
// when someone else changes the pod, to undo that. Whether a status differs
// from the API server's is found out where it is written. News of a pod that
// is gone are dropped here: the core keeps one status a name, and would forget
// its next bearer's.
func (b *bridge) NotifyPods(ctx context.Context, notify func(*corev1.Pod)) {
	b.Provider.NotifyPods(ctx, func(reported *corev1.Pod) {
		cached, err := b.cache.Pods(reported.Namespace).Get(reported.Name)
		if err != nil || cached.UID != reported.UID {
			return
		}
		pod := *reported // the core makes the deep copy
		pod.ResourceVersion = strconv.FormatUint(b.notified.Add(1), 10)
		pod.DeletionTimestamp = nil
		pod.DeletionGracePeriodSeconds = nil
		notify(&pod)
	})
}

// GetPod answers for the pod that has the name now: the core would take its
// former bearer for it and never call CreatePod.
func (b *bridge) GetPod(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	pod, err := b.Provider.GetPod(ctx, namespace, name)
	if err != nil || pod == nil {
		return pod, err
	}
	cached, err := b.cache.Pods(namespace).Get(name)
	if err == nil && cached.UID != pod.UID {
		return nil, errdefs.NotFoundf("pod %s/%s is another by now", namespace, name)
	}
	return pod, nil
}

// GetPods is empty: the core asks it at start for pods to delete, by name, and
// once. The reaper does so by UID until they have ended.
func (b *bridge) GetPods(context.Context) ([]*corev1.Pod, error) {
	return nil, nil
}

// coreRecorder drops the core's events of success. They tell that a call of
// ours has returned, at the cost of an API call each, while a reader would
// take them for a task that runs, or has been stopped.
type coreRecorder struct {
	record.EventRecorder
}

func (r coreRecorder) Event(pod runtime.Object, kind, reason, message string) {
	if kind != corev1.EventTypeNormal {
		r.EventRecorder.Event(pod, kind, reason, message)
	}
}
