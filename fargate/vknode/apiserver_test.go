package vknode

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// apiServer is client-go's fake with what this package leans on: UIDs,
// resource versions, preconditions, graceful deletion, finalizers, a status
// sub-resource that takes metadata as the real one does, outages and gaps in
// watches.
type apiServer struct {
	*fake.Clientset
	tracker clienttesting.ObjectTracker

	mu      sync.Mutex // guards all below, and makes a write one step
	version int
	down    bool
	watches []watch.Interface
	refuse  map[string]error // by "verb resource" or "verb resource/sub"
}

func init() {
	watch.DefaultChanSize = 10_000 // the fake panics when a watcher lags behind a burst
}

var podResource = corev1.SchemeGroupVersion.WithResource("pods")

func newAPIServer() *apiServer {
	s := &apiServer{Clientset: &fake.Clientset{}, refuse: map[string]error{}}
	s.tracker = clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	s.AddReactor("*", "*", clienttesting.ObjectReaction(strictTracker{s.tracker, s}))
	s.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		err := s.refusal(a)
		return err != nil, nil, err
	})
	s.AddWatchReactor("*", s.watch)
	return s
}

func (s *apiServer) refusal(a clienttesting.Action) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("connection refused")
	}
	call := a.GetVerb() + " " + a.GetResource().Resource
	if a.GetSubresource() != "" {
		call += "/" + a.GetSubresource()
	}
	return s.refuse[call]
}

func (s *apiServer) setRefused(call string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[call] = err
}

func (s *apiServer) watch(a clienttesting.Action) (bool, watch.Interface, error) {
	if err := s.refusal(a); err != nil {
		return true, nil, err
	}
	w, err := s.tracker.Watch(a.GetResource(), a.GetNamespace(), a.(clienttesting.WatchActionImpl).ListOptions)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches = append(s.watches, w)
	return true, w, err
}

// outage cuts all watches, does something, and answers nothing for a while: long
// enough for watches to be tried again, so that the caches list anew.
func (s *apiServer) outage(do func()) {
	s.mu.Lock()
	s.down = true
	for _, w := range s.watches {
		w.Stop()
	}
	s.watches = nil
	s.mu.Unlock()
	do()
	time.Sleep(10 * time.Second)
	s.mu.Lock()
	s.down = false
	s.mu.Unlock()
}

// stall keeps the caches from seeing anything new, while all else works.
func (s *apiServer) stall() {
	s.setRefused("watch pods", errors.New("connection refused"))
	s.setRefused("list pods", errors.New("connection refused"))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watches {
		w.Stop()
	}
	s.watches = nil
}

// count says how often a call was made.
func (s *apiServer) count(verb, resource, sub string) int {
	n := 0
	for _, a := range s.Actions() {
		if a.Matches(verb, resource) && a.GetSubresource() == sub {
			n++
		}
	}
	return n
}

// strictTracker is the storage below the fake's reactions.
type strictTracker struct {
	clienttesting.ObjectTracker
	server *apiServer
}

func (t strictTracker) stamp(obj runtime.Object) metav1.Object {
	object, _ := meta.Accessor(obj)
	t.server.version++
	object.SetResourceVersion(strconv.Itoa(t.server.version))
	return object
}

func (t strictTracker) Create(gvr schema.GroupVersionResource, obj runtime.Object, ns string, opts ...metav1.CreateOptions) error {
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	obj = obj.DeepCopyObject()
	if object := t.stamp(obj); object.GetUID() == "" {
		object.SetUID(types.UID("uid-" + object.GetResourceVersion()))
	}
	return t.ObjectTracker.Create(gvr, obj, ns, opts...)
}

func (t strictTracker) Update(gvr schema.GroupVersionResource, obj runtime.Object, ns string, opts ...metav1.UpdateOptions) error {
	return t.write(gvr, obj, ns, func() error { return t.ObjectTracker.Update(gvr, obj, ns, opts...) })
}

func (t strictTracker) Patch(gvr schema.GroupVersionResource, obj runtime.Object, ns string, opts ...metav1.PatchOptions) error {
	return t.write(gvr, obj, ns, func() error { return t.ObjectTracker.Patch(gvr, obj, ns, opts...) })
}

func (t strictTracker) write(gvr schema.GroupVersionResource, obj runtime.Object, ns string, store func() error) error {
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	object, _ := meta.Accessor(obj)
	stored, err := t.Get(gvr, ns, object.GetName())
	if err != nil {
		return err
	}
	was, _ := meta.Accessor(stored)
	if object.GetUID() != was.GetUID() || object.GetResourceVersion() != "" && object.GetResourceVersion() != was.GetResourceVersion() {
		return apierrors.NewConflict(gvr.GroupResource(), object.GetName(), errors.New("the object has been modified"))
	}
	if pod, ok := obj.(*corev1.Pod); ok {
		if err := validPod(pod, stored.(*corev1.Pod)); err != nil {
			return err
		}
	}
	t.stamp(obj)
	return store()
}

// validPod is the part of the API server's validation that status writers meet.
func validPod(is, was *corev1.Pod) error {
	if was.DeletionTimestamp != nil { // kept whatever the writer sends
		is.DeletionTimestamp, is.DeletionGracePeriodSeconds = was.DeletionTimestamp, was.DeletionGracePeriodSeconds
	}
	if len(is.Status.PodIPs) > 1 || len(is.Status.PodIPs) == 1 && is.Status.PodIPs[0].IP != is.Status.PodIP {
		return apierrors.NewBadRequest("podIPs: one address a family, and the first is podIP")
	}
	return nil
}

func (t strictTracker) Delete(gvr schema.GroupVersionResource, ns, name string, opts ...metav1.DeleteOptions) error {
	t.server.mu.Lock()
	defer t.server.mu.Unlock()
	stored, err := t.Get(gvr, ns, name)
	if err != nil {
		return err
	}
	pod, ok := stored.(*corev1.Pod)
	if !ok || len(opts) == 0 {
		return t.ObjectTracker.Delete(gvr, ns, name)
	}
	if p := opts[0].Preconditions; p != nil && p.UID != nil && *p.UID != pod.UID {
		return apierrors.NewConflict(gvr.GroupResource(), name, errors.New("another UID"))
	}
	grace := int64(30)
	if opts[0].GracePeriodSeconds != nil {
		grace = *opts[0].GracePeriodSeconds
	}
	if grace == 0 {
		return t.ObjectTracker.Delete(gvr, ns, name)
	}
	now := metav1.Now()
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &now, &grace
	t.stamp(pod)
	return t.ObjectTracker.Update(gvr, pod, ns)
}

func (s *apiServer) createPod(t *testing.T, name string, edit ...func(*corev1.Pod)) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{NodeName: "vk", Containers: []corev1.Container{{Name: "main", Image: "nginx"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodPending, QOSClass: corev1.PodQOSBestEffort},
	}
	for _, e := range edit {
		e(pod)
	}
	created, err := s.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// pod is the pod as stored, or nil.
func (s *apiServer) pod(name string) *corev1.Pod {
	obj, err := s.tracker.Get(podResource, "default", name)
	if err != nil {
		return nil
	}
	return obj.(*corev1.Pod)
}

// edit changes a pod as another client would, also during an outage.
func (s *apiServer) edit(t *testing.T, name string, change func(*corev1.Pod)) {
	t.Helper()
	pod := s.pod(name)
	change(pod)
	if err := (strictTracker{s.tracker, s}).Update(podResource, pod, "default"); err != nil {
		t.Fatal(err)
	}
}

// deletePod is kubectl delete; grace 0 is with --force.
func (s *apiServer) deletePod(t *testing.T, name string, grace int64) {
	t.Helper()
	if err := (strictTracker{s.tracker, s}).Delete(podResource, "default", name, *metav1.NewDeleteOptions(grace)); err != nil {
		t.Fatal(err)
	}
}

// until waits on the bubble's clock and returns how long it took, to a
// thousandth, or limit.
func until(done func() bool, limit time.Duration) time.Duration {
	start := time.Now()
	for !done() && time.Since(start) < limit {
		time.Sleep(max(50*time.Millisecond, time.Since(start)/1000))
	}
	return time.Since(start)
}
