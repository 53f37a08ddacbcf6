package prober

import (
	"container/heap"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// run is one run of a container that is probed. All of it is under the Prober's lock.
type run struct {
	uid       types.UID
	container *corev1.Container
	id        string
	ip        string
	startedAt time.Time
	course    course
	visits    [kinds]visit
	failed    *Failure // what the course's failure was; nil: none yet
	hook      postStart
	unhealthy time.Time // since when ECS calls it UNHEALTHY, as far as it is so
	began     time.Time // when it was seen to have started; zero: it had, when it was declared first
	gone      bool      // not of interest any more
}

// visit is the next probe of a kind.
type visit struct {
	run      *run
	due      time.Time
	place    int32 // in the queue; nowhere: not in it
	kind     int8
	underway bool
}

const nowhere = -1

func newRun(uid types.UID, c *corev1.Container, container Container) *run {
	r := &run{uid: uid, container: c, id: container.ID, startedAt: container.StartedAt, course: begin(container)}
	for kind := range r.visits {
		r.visits[kind] = visit{run: r, kind: int8(kind), place: nowhere}
	}
	if !container.Started { // else it was done
		r.hook.handler = postStartOf(c)
	}
	r.course.held = r.hook.handler != nil
	return r
}

// hear takes in the health of the container.
func (r *run) hear(now Health) {
	if now == Unhealthy && r.course.health != Unhealthy {
		r.unhealthy = time.Now()
	}
	before := r.course.state()
	r.course.hear(now)
	r.took(before)
}

func find(runs []*run, container string) *run {
	for _, r := range runs {
		if r.container.Name == container {
			return r
		}
	}
	return nil
}

func results(runs []*run) Results {
	if len(runs) == 0 {
		return nil
	}
	found := make(Results, len(runs))
	for _, r := range runs {
		s := r.course.state()
		result := Result{Started: s.started, Ready: s.ready}
		if s.failed {
			result.Failed = r.failed
		}
		found[r.container.Name] = result
	}
	return found
}

// plan has the queue hold the probes of a run that are asked for, and no others, and has its hook begin. It is called
// under the lock.
func (p *Prober) plan(r *run, isNew bool) {
	p.planHook(r)
	for kind := range Kind(kinds) {
		v := &r.visits[kind]
		wanted := r.ip != "" && r.course.wants(kind)
		switch queued := v.place != nowhere; {
		case wanted && !queued && !v.underway:
			v.due = p.first(r, kind, isNew)
			p.enqueue(v)
		case !wanted && queued:
			heap.Remove(&p.queue, int(v.place))
		}
	}
}

// first is when a probe is made that was not asked for until now: at once, but not within its initial delay. One that
// ECS makes is due when it has failed. Those of pods found running when the daemon starts would all come at once; they
// spread over their period.
func (p *Prober) first(r *run, kind Kind, isNew bool) time.Time {
	probe := r.course.probes[kind]
	if r.course.byHealth(kind) {
		return r.failsAt(probe)
	}
	due := time.Now()
	if isNew && due.Sub(p.began) < period(probe) {
		due = due.Add(rand.N(period(probe)))
	}
	delay := time.Duration(probe.InitialDelaySeconds) * time.Second
	if kind == Liveness {
		delay = max(delay, r.course.check.LivenessWaits())
	}
	if earliest := r.startedAt.Add(delay); due.Before(earliest) {
		return earliest
	}
	return due
}

// failsAt is when a probe that ECS makes has failed. What ECS has counted while the container was starting does not count.
func (r *run) failsAt(probe *corev1.Probe) time.Time {
	since := r.unhealthy
	if r.began.After(since) {
		since = r.began.Add(r.course.check.Counting())
	}
	return r.course.check.FailsAt(probe, r.startedAt, since)
}

// took takes in that the state of the course is another than before.
func (r *run) took(before state) (changed bool) {
	after := r.course.state()
	if after.started && !before.started {
		r.began = time.Now()
	}
	return after != before
}

// drop takes a run's probes from the queue for good, and ends its hook. It is called under the lock.
func (p *Prober) drop(r *run) {
	r.gone = true
	if r.hook.cancel != nil {
		r.hook.cancel()
	}
	for kind := range r.visits {
		if v := &r.visits[kind]; v.place != nowhere {
			heap.Remove(&p.queue, int(v.place))
		}
	}
}

// queue holds the probes to be made, the next one first.
type queue []*visit

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = int32(i), int32(j)
}

func (q *queue) Push(v any) {
	v.(*visit).place = int32(len(*q))
	*q = append(*q, v.(*visit))
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	v := (*q)[last]
	(*q)[last] = nil
	*q, v.place = (*q)[:last], nowhere
	return v
}

// enqueue is called under the lock.
func (p *Prober) enqueue(v *visit) {
	heap.Push(&p.queue, v)
	if v.place == 0 {
		p.wake()
	}
}

// wake has Run look at what is due.
func (p *Prober) wake() {
	select {
	case p.woken <- struct{}{}:
	default: // already woken
	}
}
