package fargate

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
)

// Retries is how many retries of its launch and its stop are remembered of a pod.
func (p *Provider) Retries(pod *corev1.Pod) int {
	return p.launches.NumRequeues(turnOf(pod)) + p.stops.NumRequeues(pod.UID)
}

// DeadlinesAfterTheEnd is how many pods are still looked after when the deadline of one that is gone has passed.
func DeadlinesAfterTheEnd() int {
	p := &Provider{joins: newJoins(), deadlines: workqueue.NewTypedDelayingQueue[types.UID]()}
	defer p.deadlines.ShutDown()
	p.expire(context.Background(), "gone")
	time.Sleep(time.Minute) // on the bubble's clock
	return p.deadlines.Len()
}
