package vknode

import (
	"context"
	"fmt"
	"log/slog"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/util/workqueue"
)

// reaper terminates what runs for pods whose objects are gone, by UID, until it
// has ended. The core thinks in names: it forgets a pod whose name has already
// been taken by the next, and asks only once for those that were deleted while
// we were down.
type reaper struct {
	pods      corev1client.PodsGetter
	terminate func(context.Context, types.UID) bool
	log       *slog.Logger
	queue     workqueue.TypedRateLimitingInterface[departed]
}

// departed is a pod that is gone from the API server. If unsure, only the
// cache says so, and the API server is asked first: at start the cache may
// have been filled from a replica that is behind.
type departed struct {
	namespace, name string
	uid             types.UID
	unsure          bool
}

func newReaper(pods corev1client.PodsGetter, terminate func(context.Context, types.UID) bool, log *slog.Logger) *reaper {
	return &reaper{
		pods:      pods,
		terminate: terminate,
		log:       log,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[departed](firstRetry, lastDeleteRetry)),
	}
}

// run works until ctx ends.
func (r *reaper) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.queue.ShutDown)
	defer stop()
	for {
		pod, shutdown := r.queue.Get()
		if shutdown {
			return nil
		}
		if r.reap(ctx, pod) {
			r.queue.Forget(pod)
		} else {
			r.queue.AddRateLimited(pod)
		}
		r.queue.Done(pod)
	}
}

// deleted takes a pod whose deletion was seen.
func (r *reaper) deleted(pod *corev1.Pod) {
	r.queue.Add(departed{namespace: pod.Namespace, name: pod.Name, uid: pod.UID})
}

// missing takes those pods that the cache does not know.
func (r *reaper) missing(pods []*corev1.Pod, cache corev1listers.PodLister) {
	for _, pod := range pods {
		cached, err := cache.Pods(pod.Namespace).Get(pod.Name)
		if err != nil || cached.UID != pod.UID {
			r.queue.Add(departed{namespace: pod.Namespace, name: pod.Name, uid: pod.UID, unsure: true})
		}
	}
}

// reap reports whether the pod needs no further look.
func (r *reaper) reap(ctx context.Context, pod departed) bool {
	if pod.unsure {
		exists, err := r.exists(ctx, pod)
		if err != nil {
			r.log.Warn("left running until it is known whether its pod exists", "pod", pod.name, "namespace", pod.namespace, "error", err)
			return false
		}
		if exists {
			return true
		}
	}
	return r.terminate(ctx, pod.uid)
}

func (r *reaper) exists(ctx context.Context, pod departed) (bool, error) {
	found, err := r.pods.Pods(pod.namespace).Get(ctx, pod.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("get pod %s/%s: %w", pod.namespace, pod.name, err)
	}
	return found.UID == pod.uid, nil
}
