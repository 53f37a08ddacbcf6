package vknode

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/virtual-kubelet/virtual-kubelet/node"
)

// healthHandler serves /healthz, /readyz and /metrics. AWS has no say in the
// health: starting the process anew would not mend it.
func (n *Node) healthHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, n.alive()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, n.isReady()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.cfg.Registry, promhttp.HandlerOpts{}))
	return mux
}

func answer(w http.ResponseWriter, trouble error) {
	if trouble != nil {
		http.Error(w, trouble.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// alive is nil unless the pod controller's loops have ended.
func (n *Node) alive() error {
	controller := n.controller.Load()
	if controller == nil {
		return nil // still starting
	}
	select {
	case <-controller.Done():
		return fmt.Errorf("the pod controller has ended: %v", controller.Err())
	default:
		return nil
	}
}

func (n *Node) isReady() error {
	select {
	case <-n.ready:
		return n.alive()
	default:
		return fmt.Errorf("starting: %s", n.phase.Load())
	}
}

// registerQueues shows the lengths of the pod controller's queues, the keys
// being processed included.
func (n *Node) registerQueues() error {
	for queue, length := range map[string]func(*node.PodController) int{
		"sync_pods":   (*node.PodController).SyncPodsFromKubernetesQueueLen,
		"delete_pods": (*node.PodController).DeletePodsFromKubernetesQueueLen,
		"sync_status": (*node.PodController).SyncPodStatusFromProviderQueueLen,
	} {
		err := n.cfg.Registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "virtual_kubelet_pod_queue_length",
			Help:        "Pods waiting or being worked on in a queue of the pod controller.",
			ConstLabels: prometheus.Labels{"queue": queue},
		}, func() float64 {
			if controller := n.controller.Load(); controller != nil {
				return float64(length(controller))
			}
			return 0
		}))
		if err != nil {
			return fmt.Errorf("register metric: %w", err)
		}
	}
	return nil
}
