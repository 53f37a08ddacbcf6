package vknode

import (
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// clients are four, so that neither a burst of pods nor one of events, nor who
// knocks at the kubelet port, delays a heartbeat: a client's limit is shared
// by all its calls.
type clients struct {
	pods, events, node, reviews kubernetes.Interface
}

func newClients(cfg *rest.Config) (clients, error) {
	var c clients
	var err error
	if c.pods, err = newClient(cfg, 200, 400, 0); err != nil { // no time-out: it would end the watches
		return clients{}, err
	}
	// AWS starts 20 tasks a second, and a pod that starts has three events or four.
	if c.events, err = newClient(cfg, 100, 200, 30*time.Second); err != nil {
		return clients{}, err
	}
	// A heartbeat on a dead connection must leave time for the next.
	if c.node, err = newClient(cfg, 10, 20, 10*time.Second); err != nil {
		return clients{}, err
	}
	if c.reviews, err = newClient(cfg, 50, 100, 10*time.Second); err != nil {
		return clients{}, err
	}
	return c, nil
}

func newClient(cfg *rest.Config, qps float32, burst int, timeout time.Duration) (kubernetes.Interface, error) {
	own := rest.CopyConfig(cfg)
	own.QPS, own.Burst, own.RateLimiter, own.Timeout = qps, burst, nil, timeout
	client, err := kubernetes.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("make kubernetes client: %w", err)
	}
	return client, nil
}
