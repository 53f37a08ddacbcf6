package vknode

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	corev1informers "k8s.io/client-go/informers/core/v1"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// podInformer is the pod informer as the core is given it: its events are
// repaired, and its lister returns copies, because the core writes into what
// it gets when a provider errs and SkipDownwardAPIResolution is set.
type podInformer struct {
	corev1informers.PodInformer
}

func (i podInformer) Informer() cache.SharedIndexInformer {
	return eventInformer{i.PodInformer.Informer()}
}

func (i podInformer) Lister() corev1listers.PodLister {
	return copyLister{i.PodInformer.Lister()}
}

type eventInformer struct {
	cache.SharedIndexInformer
}

func (i eventInformer) AddEventHandler(h cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	return i.SharedIndexInformer.AddEventHandler(podEvents{h})
}

// podEvents hands on an informer's events about pods such that each pod, by
// UID, is added once, then updated, then deleted once, as a *corev1.Pod.
type podEvents struct {
	next cache.ResourceEventHandler
}

func (e podEvents) OnAdd(obj any, initial bool) {
	e.next.OnAdd(obj, initial)
}

func (e podEvents) OnUpdate(before, after any) {
	was, is := before.(*corev1.Pod), after.(*corev1.Pod)
	if was.UID != is.UID {
		// Deleted and made again while the watch was down.
		e.next.OnDelete(was)
		e.next.OnAdd(is, false)
		return
	}
	if is.DeletionTimestamp != nil && !running(is) && !equality.Semantic.DeepEqual(was.Status, is.Status) {
		// The core does not look at the status. Shown a deletion that has just
		// begun, it looks again, and need not wait for the grace period's end.
		was = was.DeepCopy()
		was.DeletionTimestamp = nil
	}
	e.next.OnUpdate(was, is)
}

func (e podEvents) OnDelete(obj any) {
	if unseen, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unseen.Obj // deleted while the watch was down
	}
	e.next.OnDelete(obj)
}

// running is the core's notion (node/podcontroller.go, running): some
// container is neither Waiting nor Terminated.
func running(pod *corev1.Pod) bool {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated == nil && c.State.Waiting == nil {
			return true
		}
	}
	return false
}

type copyLister struct {
	corev1listers.PodLister
}

func (l copyLister) Pods(namespace string) corev1listers.PodNamespaceLister {
	return copyNamespaceLister{l.PodLister.Pods(namespace)}
}

type copyNamespaceLister struct {
	corev1listers.PodNamespaceLister
}

func (l copyNamespaceLister) Get(name string) (*corev1.Pod, error) {
	pod, err := l.PodNamespaceLister.Get(name)
	if err != nil {
		return nil, err
	}
	return pod.DeepCopy(), nil
}
