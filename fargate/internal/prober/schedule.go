package prober

import (
	"container/heap"
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// parallel is how many probes are under way at most. A probe that nobody answers takes its timeout, so
// this many make up for 256 pods out of reach with the default of one second; more are probed late.
const parallel = 256

// Run probes until ctx ends, and waits for the probes and hooks under way.
func (p *Prober) Run(ctx context.Context) error {
	var underway, hooks errgroup.Group
	underway.SetLimit(parallel)
	for p.rest(ctx) {
		p.beginHooks(ctx, &hooks)
		for v := p.next(); v != nil; v = p.next() {
			underway.Go(func() error {
				p.visit(ctx, v)
				return nil
			})
		}
	}
	return errors.Join(underway.Wait(), hooks.Wait())
}

// rest waits until a probe is due, or may be, or a hook, and reports whether ctx still goes on.
func (p *Prober) rest(ctx context.Context) bool {
	var due <-chan time.Time // nil: nothing is
	if pause, any := p.pause(); any {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-p.woken:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// pause is how long it is to the next probe, if there is any.
func (p *Prober) pause() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return 0, false
	}
	return time.Until(p.queue[0].due), true
}

// next takes a probe that is due from the queue, nil if none is.
func (p *Prober) next() *visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 || time.Now().Before(p.queue[0].due) {
		return nil
	}
	v := heap.Pop(&p.queue).(*visit)
	v.underway = true
	return v
}

// visit makes one probe and draws the consequences.
func (p *Prober) visit(ctx context.Context, v *visit) {
	t, wanted := p.target(v)
	if !wanted {
		return
	}
	said := t.unhealthy()
	if t.probe.Exec == nil {
		said = p.network.probe(ctx, t)
	}
	if ctx.Err() != nil {
		return // it says nothing about the container
	}
	heard, changed := p.settle(v, said)
	if event := said.event(t); heard && event.Message != "" {
		p.event(event)
	}
	if changed {
		p.changed(t.uid)
	}
}

// target is what a visit is to probe, if it still is.
func (p *Prober) target(v *visit) (target, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, kind := v.run, Kind(v.kind)
	if r.gone || r.ip == "" || !r.course.wants(kind) {
		v.underway = false
		return target{}, false
	}
	return target{uid: r.uid, kind: kind, ip: r.ip, container: r.container, probe: r.course.probes[kind]}, true
}

// settle takes in what a probe said, and reports whether it was still of interest and whether the pod's
// results have changed.
func (p *Prober) settle(v *visit, said outcome) (heard, changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, kind := v.run, Kind(v.kind)
	v.underway = false
	if r.gone {
		return false, false
	}
	before := r.course.state()
	heard = r.course.take(kind, said.verdict)
	changed = r.took(before)
	if r.course.state().failed && !before.failed {
		r.failed = said.failure(kind, r.course.probes[kind])
	}
	if heard && r.course.wants(kind) {
		v.due = again(v.due, period(r.course.probes[kind]))
		p.enqueue(v)
	}
	p.plan(r, false)
	return heard, changed
}

// again is when a probe comes that was due then: a period later, at once if it took longer than that.
func again(due time.Time, period time.Duration) time.Time {
	if next := due.Add(period); next.After(time.Now()) {
		return next
	}
	return time.Now()
}
