package vknode

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	corev1informers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
)

// Config says which node to be and how to reach its cluster.
type Config struct {
	// REST reaches the API server. Its own rate limits are not used: pods,
	// events, and node with lease get a client each.
	REST *rest.Config
	// Node is the node as it is to be registered: name, labels, annotations,
	// taints, provider ID, capacity, allocatable, addresses, node info. The
	// kubelet port and the conditions that are missing are filled in.
	Node *corev1.Node
	// Namespace holds the pods to run; "": those of all namespaces.
	Namespace string
	// Annotations are the keys that the provider writes on pods. No other
	// annotation is ever touched, and none is removed.
	Annotations []string
	// Workers is how many pods are taken in at once; 0: 20.
	Workers int

	// KubeletAddress is where the kubelet port listens; "": ":10250".
	KubeletAddress string
	// CertFile and KeyFile are the kubelet port's pair, read again when they
	// change; "": a self-signed pair for the node's addresses, in memory.
	CertFile, KeyFile string
	// Door says who is let in at the kubelet port.
	Door DoorConfig
	// MetricsAddress serves /healthz, /readyz and /metrics over plain HTTP;
	// "": not served.
	MetricsAddress string
	// Registry is what /metrics shows, with what is added here; nil: a new one.
	Registry *prometheus.Registry

	// Log takes what happens here; nil: slog.Default().
	Log *slog.Logger
}

// Node is one virtual node. It is made by New and works once, in Run.
type Node struct {
	cfg     Config
	clients clients

	podFactory, serviceFactory informers.SharedInformerFactory
	pods                       corev1informers.PodInformer
	latest                     *latestPods
	services                   corev1informers.ServiceInformer
	events                     record.EventBroadcaster
	recorder                   record.EventRecorder

	phase      atomic.Value // string: what is waited for until ready is closed
	ready      chan struct{}
	controller atomic.Pointer[node.PodController]
}

// New makes a Node, and calls nobody yet.
func New(cfg Config) (*Node, error) {
	if cfg.REST == nil {
		return nil, errors.New("no API server is configured")
	}
	c, err := newClients(cfg.REST)
	if err != nil {
		return nil, err
	}
	return newNode(cfg, c)
}

func newNode(cfg Config, c clients) (*Node, error) {
	if err := complete(&cfg); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, clients: c, ready: make(chan struct{})}
	n.phase.Store("not running")
	if err := n.makeInformers(); err != nil {
		return nil, err
	}
	n.events = record.NewBroadcaster()
	n.recorder = n.events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "virtual-kubelet", Host: cfg.Node.Name})
	if err := n.registerQueues(); err != nil {
		return nil, err
	}
	return n, nil
}

// complete fills in the defaults.
func complete(cfg *Config) error {
	if cfg.Node == nil || cfg.Node.Name == "" {
		return errors.New("the node has no name")
	}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return errors.New("kubelet port: certificate and key are needed both, or neither")
	}
	if err := cfg.Door.check(); err != nil {
		return err
	}
	if cfg.Workers == 0 {
		cfg.Workers = 20
	}
	if cfg.KubeletAddress == "" {
		cfg.KubeletAddress = ":10250"
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return nil
}

// Client is the client for pods and what they name.
func (n *Node) Client() kubernetes.Interface { return n.clients.pods }

// Pods lists this node's pods from the cache. The pods are read only.
func (n *Node) Pods() corev1listers.PodLister { return n.pods.Lister() }

// Services lists the services of all namespaces from the cache. They are read
// only.
func (n *Node) Services() corev1listers.ServiceLister { return n.services.Lister() }

// Recorder records events, from Run on; those before are dropped.
func (n *Node) Recorder() record.EventRecorder { return n.recorder }

// Ready is closed once pods are taken in: the caches have synced, the provider
// has recovered, and the pod controller works.
func (n *Node) Ready() <-chan struct{} { return n.ready }
