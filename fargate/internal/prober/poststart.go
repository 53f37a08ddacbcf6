package prober

import (
	"context"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
)

// This file runs postStart hooks: each once for a container, at the first sight of it, and again where a daemon starts
// before the container has started. Until its hook is done a container
// has not started, and no probe of it is made. A hook may take as long as it likes; it does not count among the probes
// under way.

// messagePostStart is kubelet's: what went wrong is not told, for the handler may hold secrets.
const messagePostStart = "PostStartHook failed"

// postStart is the hook of one run of a container. It is under the Prober's lock.
type postStart struct {
	handler *corev1.LifecycleHandler // nil: there is none, or it was done before
	begun   bool
	cancel  context.CancelFunc // ends it; nil: it is not under way
}

func postStartOf(c *corev1.Container) *corev1.LifecycleHandler {
	if c.Lifecycle == nil || !CanCall(c.Lifecycle.PostStart) {
		return nil
	}
	return c.Lifecycle.PostStart
}

// planHook has a run's hook begin if it is its time: not any more in a pod that ends. It is called under the lock.
func (p *Prober) planHook(r *run) {
	if r.hook.handler == nil || r.hook.begun || r.ip == "" || r.course.ending {
		return
	}
	r.hook.begun = true
	p.hooks = append(p.hooks, r)
	p.wake()
}

// beginHooks starts those whose time has come.
func (p *Prober) beginHooks(ctx context.Context, underway *errgroup.Group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.hooks {
		if r.gone {
			continue
		}
		ctx, cancel := context.WithCancel(ctx)
		r.hook.cancel = cancel
		hook := Hook{UID: r.uid, IP: r.ip, Container: r.container, Handler: r.hook.handler, Since: r.startedAt}
		underway.Go(func() error {
			defer cancel()
			err := p.Call(ctx, hook)
			p.settleHook(ctx, r, err)
			return nil
		})
	}
	p.hooks = nil
}

// settleHook draws the consequences of a hook: the probes begin, or the container has failed.
func (p *Prober) settleHook(ctx context.Context, r *run, err error) {
	p.mu.Lock()
	if r.gone || ctx.Err() != nil { // it says nothing about the container
		p.mu.Unlock()
		return
	}
	before := r.course.state()
	if err == nil {
		r.course.held = false
		r.took(before)
	} else {
		r.course.hookFailed = true
		r.failed = &Failure{Kind: PostStart, Message: messagePostStart}
	}
	p.plan(r, false)
	failed := Event{UID: r.uid, Container: r.container.Name, Reason: ReasonPostStart, Message: messagePostStart}
	p.mu.Unlock()
	if err != nil {
		p.event(failed)
	}
	p.changed(r.uid)
}
