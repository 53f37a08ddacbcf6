// Package prober probes the containers of running pods over the network, from the daemon, by Kubernetes'
// rules, and calls their lifecycle hooks.
//
// What a container's probes say, and when they are made:
//
//	probe      made while                      until it has said enough  a failure means
//	startup    the container has not started   not started               Failed; no more of this container
//	liveness   it has started                  alive                     Failed; no more of this container
//	readiness  it has started                  not ready                 not ready, until it succeeds again
//
// Enough is successThreshold or failureThreshold results of a kind in a row. A container without a startup
// probe has started when it runs; one without a readiness probe is ready when it has started. A pod that
// ends is probed for readiness alone. A probe that could not be made (a port that no container has, an
// answer that broke off) counts for nothing.
//
// A postStart hook is made before all probes; until it is done, its container is neither started nor ready, and
// its failure is one of the container. It is made at least once, which is what Kubernetes promises: while a container has
// not started, because of its hook or its startup probe, a daemon that starts again cannot know how far the one before it
// had come, and makes it again. A preStop hook is the caller's, who asks for it with Call.
//
// Handlers are httpGet, tcpSocket and grpc. Probes with an exec handler ECS makes, as the container's health check, which
// they share (package healthcheck): the caller declares the health, and the probes stand by it. Those that have no share
// in it are not made, and the container is treated as one without that probe.
//
// The caller declares what runs with Watch, at each sight of a pod's task and before it derives the status,
// and gets what the probes say. When that changes later, Changed says so, and Results tells. What has
// Failed the caller restarts, and declares the new container under an ID of its own. The package knows no
// API and no task; it dials, and never starts, stops or restarts anything.
package prober

import (
	"context"
	"net"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Config is what a Prober is made of. Its zero value will do. Its functions are called from many
// goroutines, without a lock, and must not block for long: meanwhile a probe less is under way.
type Config struct {
	// Changed hears of a pod whose Results have changed, other than by Watch; nil: nobody does.
	Changed func(uid types.UID)
	// Event hears of probes that went wrong; nil: nobody does.
	Event func(Event)
	// Version of Kubernetes, "1.36", for the user agent kube-probe/VERSION, which servers may look for.
	Version string
	// Dial makes connections; nil: as net.Dialer does, but not to where only the daemon can get.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Running is what runs of a pod now.
type Running struct {
	IP         string               // of the pod; without it no probe is made
	Containers map[string]Container // by name: those that run, others are not in it
	Ending     bool                 // the pod, or its task, is to end: readiness alone is probed
}

// Container is one that runs.
type Container struct {
	// ID changes when another container takes the place of this one, and not before: all is probed anew.
	// The ARN of the task will do, as containers restart with it; ECS's runtime ID is known too late.
	ID        string
	StartedAt time.Time // initial delays count from it
	// Started and Ready are what the status of this container says already. They matter when it is new to
	// the Prober: a daemon that starts again goes on where the one before it was.
	Started, Ready bool
	Health         Health
}

// Health is what ECS says of a container's health check.
type Health int

const (
	HealthUnknown Health = iota // nothing yet, or there is no check
	Healthy
	Unhealthy
)

// Event is a probe or a hook that went wrong, in kubelet's words: an event of type Warning for the container.
type Event struct {
	UID       types.UID
	Container string
	Reason    string // one of those below
	Message   string // "Readiness probe failed: HTTP probe failed with statuscode: 500"
	// Unreached: nothing answered, not even with a refusal. On Fargate that is most often a security group
	// that does not admit the daemon.
	Unreached bool
}

// Reasons of events.
const (
	ReasonUnhealthy    = "Unhealthy"
	ReasonWarning      = "ProbeWarning"
	ReasonPostStart    = "FailedPostStartHook"
	ReasonHTTPFallback = "LifecycleHTTPFallback"
)

// Prober probes pods. Its methods may be called at once.
type Prober struct {
	network *network
	changed func(types.UID)
	event   func(Event)
	began   time.Time
	woken   chan struct{} // the first of the queue has changed

	mu    sync.Mutex           // guards all below, and the contents of each run
	pods  map[types.UID][]*run // those with containers that are probed
	queue queue
	hooks []*run // whose postStart hooks are to begin
}

// New returns a Prober that watches nothing yet.
func New(cfg Config) *Prober {
	p := &Prober{network: newNetwork(cfg), changed: cfg.Changed, event: cfg.Event, began: time.Now(),
		woken: make(chan struct{}, 1), pods: map[types.UID][]*run{}}
	if p.changed == nil {
		p.changed = func(types.UID) {}
	}
	if p.event == nil {
		p.event = func(Event) {}
	}
	return p
}

// Watch declares what runs of a pod, and returns what its probes say. Containers that run no more are
// forgotten, so nothing is left of a pod of which nothing runs. Called again with the same, it changes
// nothing and costs little. It waits for nobody and calls nobody back, so it may be called under a lock.
// The pod's containers are kept, and must not be changed.
func (p *Prober) Watch(pod *corev1.Pod, now Running) Results {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.pods[pod.UID]
	var runs []*run
	for c := range containers(pod) {
		container, running := now.Containers[c.Name]
		if !running || !probed(c) && postStartOf(c) == nil {
			continue
		}
		r := find(before, c.Name)
		isNew := r == nil || r.id != container.ID
		if isNew {
			r = newRun(pod.UID, c, container)
		}
		r.container, r.ip = c, now.IP
		r.course.follow(c, now.Ending)
		r.hear(container.Health)
		runs = append(runs, r)
		p.plan(r, isNew)
	}
	p.replace(pod.UID, before, runs)
	return results(runs)
}

// replace has these runs take the place of those before.
func (p *Prober) replace(uid types.UID, before, runs []*run) {
	for _, r := range before {
		if find(runs, r.container.Name) != r {
			p.drop(r)
		}
	}
	if len(runs) == 0 {
		delete(p.pods, uid)
		return
	}
	p.pods[uid] = runs
}

// Forget ends the watch of a pod. Probes under way end unheard.
func (p *Prober) Forget(uid types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replace(uid, p.pods[uid], nil)
}

// Results are what the probes of a watched pod say now.
func (p *Prober) Results(uid types.UID) Results {
	p.mu.Lock()
	defer p.mu.Unlock()
	return results(p.pods[uid])
}

// Watched is the number of pods of which a container is probed.
func (p *Prober) Watched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pods)
}
