// Package fargate makes ECS on Fargate run the pods of one Kubernetes node.
//
// It is virtual-kubelet's provider, and reads like a table of contents. One pod, read aloud: resolve
// its environment, translate (draft.go), launch, observe (launch.go). A change arrives: observe, derive the
// status, notify (observe.go). There is no other path to a status.
//
// What lives where:
//
//	fargate.go      the parts and how they run together
//	account.go      AWS: clients behind one door, the checks before the first pod
//	joins.go        what is remembered of each pod: which task it is joined to, and what is under way
//	pods.go         virtual-kubelet's calls about pods
//	logs.go         kubectl logs
//	draft.go        a pod resolved and translated: what launching and explaining have in common
//	claims.go       the PersistentVolumes behind a pod's claims
//	token.go        tokens of ServiceAccounts
//	queue.go        the launch queue, and its order
//	launch.go       what one launch does
//	unanswered.go   launches of which nobody knows yet whether they started a task
//	stop.go         the stop queue: every task that is to end
//	prestop.go      preStop hooks, between the wish that a task ends and the stop
//	observe.go      tasks seen, statuses derived and notified
//	started.go      events about containers that have started
//	changed.go      another image for a pod that runs
//	resized.go      a resize in place, which cannot be
//	deadline.go     activeDeadlineSeconds
//	lastwords.go    what containers wrote before they failed, for terminationMessagePolicy
//	probe.go        probes and postStart hooks of running containers, and what follows from them
//	again.go        the next attempt and its back-off
//	refuse.go       pods that Fargate cannot run
//	daemonset.go    DaemonSet pods
//	recover.go      taking up what already runs
//	sweep.go        orphaned tasks and idle definitions
//	node.go         the node and its conditions
//	metrics.go      what Prometheus is told
//	explain.go      what would become of pods in files, without cluster or account
//	standin.go      what pods name, found in files; words where the files do not have it
//	standinfile.go  the files of such words that mounts by subPath name
//	standinclaim.go claims and volumes in the files, bound as the control plane would
//	placement.go    what would keep a scheduler from giving the node the pods
//	assume.go       what explaining assumes where there is no fargate.toml
//
// Kubernetes holds the spec, ECS holds the task, this package holds only the join: nothing is stored,
// and a process that starts finds everything again.
package fargate

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/containerlog"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/launcher"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/tracker"
)

// Annotations are the keys that the provider writes on pods.
func Annotations() []string {
	return []string{podid.AnnotationTaskARN, podid.AnnotationAttempt, podid.AnnotationCapacity}
}

// Config is what a Provider is made of. All of it is required unless it says otherwise.
type Config struct {
	Account  *Account
	Client   kubernetes.Interface // gets what pods name, asks for tokens, and amends last words in pods/status
	Pods     corev1listers.PodLister
	Services corev1listers.ServiceLister
	Events   record.EventRecorder
	Node     *corev1.Node          // as registered
	Metrics  prometheus.Registerer // nil: no metrics
	Log      *slog.Logger
	// Namespace is the one whose pods are listed; "": all are.
	Namespace string
	// ProbeDial makes the connections of probes; nil: as net.Dialer does, but not to where only the daemon can get.
	ProbeDial func(ctx context.Context, network, address string) (net.Conn, error)
	// APIServer is the address of the API server for pods, where fargate.toml gives none.
	APIServer APIServer
}

// APIServer is where pods find the API server.
type APIServer = podenv.Endpoint

// How many launches, stops and notifications may be under way at once. Launches and stops mostly wait
// for AWS's budget; many may, so that one which waits for a definition does not hold up others.
const (
	launchers = 128
	stoppers  = 64
	notifiers = 8
)

// Provider runs pods as Fargate tasks. It implements vknode.Provider.
type Provider struct {
	account   *Account
	client    kubernetes.Interface
	pods      corev1listers.PodLister
	services  corev1listers.ServiceLister
	events    record.EventRecorder
	node      *corev1.Node
	log       *slog.Logger
	namespace string
	apiServer podenv.Endpoint

	owner    podid.Owner // known after Recover
	launcher *launcher.Launcher
	logs     *containerlog.Logs
	secrets  *secretstore.Store // known after Recover
	tracker  *tracker.Tracker
	prober   *prober.Prober
	joins    *joins
	refusals *refusals
	metrics  *metrics

	launches  workqueue.TypedRateLimitingInterface[turn]
	stops     workqueue.TypedRateLimitingInterface[types.UID]
	preStops  workqueue.TypedInterface[types.UID]
	changes   workqueue.TypedDelayingInterface[types.UID]
	deadlines workqueue.TypedDelayingInterface[types.UID]
	endings   workqueue.TypedDelayingInterface[ending]

	recovered  chan struct{}                     // closed when Recover is done
	notifyPod  atomic.Pointer[func(*corev1.Pod)] // nil until virtual-kubelet gives it
	notifyNode chan func(*corev1.Node)
}

// New makes a Provider and starts nothing.
func New(cfg Config) (*Provider, error) {
	p := &Provider{
		account: cfg.Account, client: cfg.Client, pods: cfg.Pods, services: cfg.Services, events: cfg.Events,
		node: cfg.Node, log: cfg.Log, namespace: cfg.Namespace, apiServer: cfg.APIServer,
		logs:       containerlog.New(cfg.Account.logs),
		launcher:   launcher.New(cfg.Account.ecs, cfg.Account.config.ClusterName),
		joins:      newJoins(),
		refusals:   newRefusals(),
		launches:   newLaunchQueue(),
		stops:      workqueue.NewTypedRateLimitingQueue(backOff[types.UID](500*time.Millisecond, 30*time.Second)),
		preStops:   workqueue.NewTyped[types.UID](),
		changes:    workqueue.NewTypedDelayingQueue[types.UID](),
		deadlines:  workqueue.NewTypedDelayingQueue[types.UID](),
		endings:    workqueue.NewTypedDelayingQueue[ending](),
		recovered:  make(chan struct{}),
		notifyNode: make(chan func(*corev1.Node), 1),
	}
	p.tracker = tracker.New(cfg.Account.ecs, cfg.Account.config.ClusterName, podstatus.Settled, p, cfg.Log)
	p.prober = prober.New(prober.Config{Changed: p.probed, Event: p.tellProbe, Dial: cfg.ProbeDial, Version: kubernetesVersion(cfg.Node)})
	var err error
	p.metrics, err = newMetrics(cfg.Metrics, p)
	return p, err
}

func backOff[T comparable](first, longest time.Duration) workqueue.TypedRateLimiter[T] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[T](first, longest)
}

// Run works until ctx ends, and leaves all tasks running.
func (p *Provider) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.tracker.Run(ctx) })
	group.Go(func() error { return p.prober.Run(ctx) })
	group.Go(func() error { return p.sweep(ctx) })
	group.Go(func() error { return p.watchHealth(ctx) })
	work(ctx, group, launchers, p.launches, p.launch)
	work(ctx, group, stoppers, p.stops, p.stop)
	work(ctx, group, 1, p.preStops, func(ctx context.Context, uid types.UID) { // each for as long as it takes
		group.Go(func() error {
			p.callPreStops(ctx, uid)
			return nil
		})
	})
	work(ctx, group, notifiers, p.changes, p.notify)
	work(ctx, group, 1, p.deadlines, p.expire)
	work(ctx, group, listeners, p.endings, p.hear)
	group.Go(func() error {
		<-ctx.Done()
		p.launches.ShutDown()
		p.stops.ShutDown()
		p.preStops.ShutDown()
		p.changes.ShutDown()
		p.deadlines.ShutDown()
		p.endings.ShutDown()
		return nil
	})
	return group.Wait()
}

// work has n workers take from a queue until it shuts down.
func work[T comparable](ctx context.Context, group *errgroup.Group, n int, queue workqueue.TypedInterface[T], do func(context.Context, T)) {
	for range n {
		group.Go(func() error {
			for {
				item, closing := queue.Get()
				if closing {
					return nil
				}
				if ctx.Err() == nil {
					do(ctx, item)
				}
				queue.Done(item)
			}
		})
	}
}
