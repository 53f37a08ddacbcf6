package vknode

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	corev1listers "k8s.io/client-go/listers/core/v1"
)

// latestPods knows the newest state of each pod that was seen: the cache's, or
// what our own last write returned while the cache has yet to see that. A
// status computed against a cache that is behind would miss a difference.
type latestPods struct {
	lister corev1listers.PodLister

	mu      sync.Mutex // guards written
	written map[types.UID]*corev1.Pod
}

func newLatestPods(lister corev1listers.PodLister) *latestPods {
	return &latestPods{lister: lister, written: map[types.UID]*corev1.Pod{}}
}

// get returns the pod, read only. Its error is the lister's: NotFound.
func (l *latestPods) get(namespace, name string) (*corev1.Pod, error) {
	cached, err := l.lister.Pods(namespace).Get(name)
	if err != nil {
		return nil, err
	}
	return l.newest(cached), nil
}

// list returns all pods, read only.
func (l *latestPods) list() ([]*corev1.Pod, error) {
	cached, err := l.lister.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	var pods []*corev1.Pod
	for _, pod := range cached {
		pods = append(pods, l.newest(pod))
	}
	return pods, nil
}

func (l *latestPods) newest(cached *corev1.Pod) *corev1.Pod {
	l.mu.Lock()
	defer l.mu.Unlock()
	if written := l.written[cached.UID]; written != nil && newer(written, cached) {
		return written
	}
	return cached
}

// wrote takes what the API server returned for a write.
func (l *latestPods) wrote(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[pod.UID] = pod
}

// cached tells that the cache has come to this state of the pod.
func (l *latestPods) cached(pod *corev1.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if written := l.written[pod.UID]; written != nil && !newer(written, pod) {
		delete(l.written, pod.UID)
	}
}

// gone tells that the pod is no longer in the API server.
func (l *latestPods) gone(uid types.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.written, uid)
}

func newer(a, b *corev1.Pod) bool {
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && order > 0
}
