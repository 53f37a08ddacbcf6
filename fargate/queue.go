package fargate

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
)

// turn is a pod's place in the launch queue.
type turn struct {
	group string // pods of one owner share a group
	uid   types.UID
}

func turnOf(pod *corev1.Pod) turn {
	group := pod.Namespace + "/" + pod.Name
	if owner := metav1.GetControllerOf(pod); owner != nil {
		group = pod.Namespace + "/" + string(owner.UID)
	}
	return turn{group: group, uid: pod.UID}
}

// newLaunchQueue is client-go's queue over a fair order: a Deployment of a thousand does not keep a
// single pod of somebody else waiting.
func newLaunchQueue() workqueue.TypedRateLimitingInterface[turn] {
	fair := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[turn]{Queue: &roundRobin{waiting: map[string][]turn{}}})
	delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[turn]{Queue: fair})
	return workqueue.NewTypedRateLimitingQueueWithConfig(backOff[turn](time.Second, time.Minute),
		workqueue.TypedRateLimitingQueueConfig[turn]{DelayingQueue: delaying})
}

// roundRobin serves the groups in turn, and first come first served within a group. It is called under
// the queue's lock.
type roundRobin struct {
	order   []string // groups with something waiting, next first
	waiting map[string][]turn
	length  int
}

// Touch keeps the place of a turn that waits already.
func (r *roundRobin) Touch(turn) {}

// Push adds a turn at the end of its group.
func (r *roundRobin) Push(t turn) {
	if len(r.waiting[t.group]) == 0 {
		r.order = append(r.order, t.group)
	}
	r.waiting[t.group] = append(r.waiting[t.group], t)
	r.length++
}

// Len is the number of turns that wait.
func (r *roundRobin) Len() int { return r.length }

// Pop takes the first turn of the next group and puts the group at the end.
func (r *roundRobin) Pop() turn {
	group := r.order[0]
	r.order = r.order[1:]
	first, rest := r.waiting[group][0], r.waiting[group][1:]
	if len(rest) > 0 {
		r.waiting[group] = rest
		r.order = append(r.order, group)
	} else {
		delete(r.waiting, group)
	}
	r.length--
	return first
}
