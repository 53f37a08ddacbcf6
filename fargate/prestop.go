package fargate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

// preStop is the time between the wish that a task ends and the request for it: the hooks of all its containers are
// called at once. It is under the lock of the joins.
type preStop struct {
	cancel context.CancelFunc // ends what is under way; nil: nothing is yet
	over   bool               // the task may be stopped
}

// abandon ends the hooks, for they are of no more use.
func (s *preStop) abandon() {
	if s != nil && s.cancel != nil {
		s.cancel()
	}
}

const defaultGrace = 30 * time.Second // Kubernetes' own default

// grace is how long the pod's end may take, and so its hooks.
func (j *join) grace() time.Duration {
	seconds := j.pod.Spec.TerminationGracePeriodSeconds
	switch {
	case j.deleting && j.pod.DeletionGracePeriodSeconds != nil:
		seconds = j.pod.DeletionGracePeriodSeconds
	case !j.deleting && j.probeGrace > 0:
		return j.probeGrace
	case seconds == nil:
		return defaultGrace
	}
	return time.Duration(*seconds) * time.Second
}

// hooksUntil is when the hooks have had their time. It follows from the pod's object where it can, so that neither a
// process that dies nor a second deletion makes them last longer. Nobody waits for a pod whose object is gone.
func (j *join) hooksUntil() time.Time {
	if j.gone {
		return time.Time{}
	}
	return j.endingSince.Add(j.grace())
}

// deletedSince is when somebody asked for the deletion of a pod: its deletionTimestamp is the end of its grace.
func deletedSince(pod *corev1.Pod) time.Time {
	if pod.DeletionTimestamp == nil {
		return time.Time{}
	}
	grace := time.Duration(0)
	if seconds := pod.DeletionGracePeriodSeconds; seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	return pod.DeletionTimestamp.Add(-grace)
}

// preStopHooks are those of the containers that run.
func preStopHooks(j *join) []prober.Hook {
	var hooks []prober.Hook
	for _, c := range slices.Concat(j.pod.Spec.InitContainers, j.pod.Spec.Containers) {
		if c.Lifecycle == nil || !prober.CanCall(c.Lifecycle.PreStop) || !runs(j.status, c.Name) {
			continue
		}
		hooks = append(hooks, prober.Hook{UID: j.pod.UID, IP: j.status.PodIP, Container: &c, Handler: c.Lifecycle.PreStop, Since: j.endingSince})
	}
	return hooks
}

func runs(status corev1.PodStatus, container string) bool {
	return slices.ContainsFunc(slices.Concat(status.InitContainerStatuses, status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.Name == container && s.State.Running != nil
	})
}

// preStopped reports whether the pod's task may be stopped. If not, its hooks are under way, and the stop comes back
// when they are done or have had their time.
func (p *Provider) preStopped(uid types.UID) (over bool) {
	p.joins.update(uid, func(j *join) {
		left := time.Until(j.hooksUntil())
		switch {
		case j.preStop == nil && (left <= 0 || len(preStopHooks(j)) == 0):
			over = true
			return
		case j.preStop == nil:
			j.preStop = &preStop{}
			p.preStops.Add(uid)
		case left <= 0:
			j.preStop.abandon()
			j.preStop.over = true
		}
		if over = j.preStop.over; !over {
			p.stops.AddAfter(uid, left)
		}
	})
	return over
}

// callPreStops calls the hooks of a pod and has its stop go on.
func (p *Provider) callPreStops(ctx context.Context, uid types.UID) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var hooks []prober.Hook
	var now *preStop
	var pod *corev1.Pod
	p.joins.update(uid, func(j *join) {
		if j.preStop == nil || j.preStop.over {
			return
		}
		hooks, now, pod = preStopHooks(j), j.preStop, j.pod
		now.cancel = cancel
	})
	var all sync.WaitGroup
	for _, hook := range hooks {
		all.Go(func() { p.callPreStop(ctx, pod, hook) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return // they were abandoned, or we are going: the next process calls them again
	}
	p.joins.update(uid, func(j *join) {
		if now != nil && j.preStop == now {
			now.over = true
			p.stops.Add(uid)
		}
	})
}

// callPreStop calls one hook. Its failure holds nothing up, and does not say what went wrong, as with kubelet: the
// handler may hold secrets.
func (p *Provider) callPreStop(ctx context.Context, pod *corev1.Pod, hook prober.Hook) {
	if pod.DeletionTimestamp != nil { // else somebody has said why it ends
		p.events.Event(refTo(pod, hook.Container.Name), corev1.EventTypeNormal, "Killing", "Stopping container "+hook.Container.Name)
	}
	if err := p.prober.Call(ctx, hook); err != nil && ctx.Err() == nil {
		p.events.Event(refTo(pod, hook.Container.Name), corev1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed")
	}
}

// refTo is what events about a container are recorded for: the pod, with the container as field, as kubelet has it.
func refTo(pod *corev1.Pod, container string) *corev1.ObjectReference {
	ref := &corev1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
		FieldPath: fmt.Sprintf("spec.containers{%s}", container),
	}
	if slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == container }) {
		ref.FieldPath = fmt.Sprintf("spec.initContainers{%s}", container)
	}
	return ref
}
