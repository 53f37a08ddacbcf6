package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// journal notes when a task was RUNNING in ECS and when its pod was so in the API server.
type journal struct {
	mu      sync.Mutex // guards all below
	ecs     map[string]time.Time
	cluster map[string]time.Time
}

func newJournal() *journal {
	return &journal{ecs: map[string]time.Time{}, cluster: map[string]time.Time{}}
}

// changed is shown every state of every task.
func (j *journal) changed(task ecstypes.Task) {
	if aws.ToString(task.LastStatus) == "RUNNING" {
		j.note(j.ecs, uidOf(task))
	}
}

func (j *journal) note(when map[string]time.Time, uid string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if when[uid].IsZero() {
		when[uid] = time.Now()
	}
}

func uidOf(task ecstypes.Task) string {
	for _, container := range task.Overrides.ContainerOverrides {
		for _, variable := range container.Environment {
			if aws.ToString(variable.Name) == "VK_POD_UID" {
				return aws.ToString(variable.Value)
			}
		}
	}
	return ""
}

// lags are the median and the slowest hundredth of the ways from one to the other.
func (j *journal) lags() (p50, p99 time.Duration, count int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lags []time.Duration
	for uid, began := range j.ecs {
		if seen := j.cluster[uid]; !seen.IsZero() {
			lags = append(lags, seen.Sub(began))
		}
	}
	if len(lags) == 0 {
		return 0, 0, 0
	}
	slices.Sort(lags)
	return lags[len(lags)/2], lags[len(lags)*99/100], len(lags)
}

// podWatch counts the pods of the load that are there and that are Running.
type podWatch struct {
	mu             sync.Mutex // guards all below
	phases         map[string]corev1.PodPhase
	changed        chan struct{}
	there, running int
}

// watch follows the pods from a cache of its own until ctx ends.
func watch(ctx context.Context, client kubernetes.Interface, j *journal) (*podWatch, error) {
	w := &podWatch{phases: map[string]corev1.PodPhase{}, changed: make(chan struct{})}
	source := cache.ToListWatcherWithWatchListSemantics(cache.NewFilteredListWatchFromClient(
		client.CoreV1().RESTClient(), "pods", namespace, func(o *metav1.ListOptions) { o.LabelSelector = "app=bench" }), client)
	informer := cache.NewSharedIndexInformer(source, &corev1.Pod{}, 0, nil)
	seen := func(object any) {
		pod := object.(*corev1.Pod)
		if pod.Status.Phase == corev1.PodRunning {
			j.note(j.cluster, string(pod.UID))
		}
		w.note(string(pod.UID), pod.Status.Phase)
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    seen,
		UpdateFunc: func(_, object any) { seen(object) },
		DeleteFunc: func(object any) {
			if unseen, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = unseen.Obj
			}
			w.note(string(object.(*corev1.Pod).UID), "")
		},
	})
	if err != nil {
		return nil, err
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, ctx.Err()
	}
	return w, nil
}

// note takes a pod's phase; "": it is gone.
func (w *podWatch) note(uid string, phase corev1.PodPhase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if phase == "" {
		delete(w.phases, uid)
	} else {
		w.phases[uid] = phase
	}
	w.there, w.running = len(w.phases), 0
	for _, phase := range w.phases {
		if phase == corev1.PodRunning {
			w.running++
		}
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// await waits until there are n pods, all of them Running.
func (w *podWatch) await(ctx context.Context, n int) error {
	late := time.After(limit)
	for {
		w.mu.Lock()
		there, running, changed := w.there, w.running, w.changed
		w.mu.Unlock()
		if there == n && running == n {
			return nil
		}
		select {
		case <-changed:
		case <-late:
			return fmt.Errorf("waited %s for %d pods to be Running, and there are %d of %d", limit, n, running, there)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
