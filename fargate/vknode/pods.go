package vknode

import (
	"context"
	"errors"
	"fmt"

	"github.com/virtual-kubelet/virtual-kubelet/node"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// runPods fills the caches, lets the provider recover, and then runs its pods
// until ctx ends.
func (n *Node) runPods(ctx context.Context, p Provider) error {
	n.phase.Store("waiting for the API server's pods and services")
	defer n.podFactory.Shutdown()
	defer n.serviceFactory.Shutdown()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // first of the three: they wait for it
	n.podFactory.Start(ctx.Done())
	n.serviceFactory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), n.pods.Informer().HasSynced, n.services.Informer().HasSynced) {
		return nil // ctx has ended
	}
	n.phase.Store("waiting for the provider to take up what already runs")
	if err := p.Recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("recover: %w", err)
	}
	n.phase.Store("starting the pod controller")
	return n.runController(ctx, p)
}

// runController runs the core's pod controller, and what it leaves undone.
func (n *Node) runController(ctx context.Context, p Provider) error {
	reaper := newReaper(n.clients.pods.CoreV1(), p.Terminate, n.cfg.Log)
	known, err := p.GetPods(ctx)
	if err != nil {
		return fmt.Errorf("list the provider's pods: %w", err)
	}
	reaper.missing(known, n.pods.Lister())
	watcher := podEvents{podWatcher(p, n.latest, reaper)}
	if _, err := n.pods.Informer().AddEventHandler(watcher); err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	controller, err := n.newController(p)
	if err != nil {
		return err
	}
	n.controller.Store(controller)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return reaper.run(ctx) })
	group.Go(func() error { return runUntil(ctx, controller, n.cfg.Workers) })
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-controller.Ready():
			close(n.ready)
			n.cfg.Log.Info("taking pods", "node", n.cfg.Node.Name)
		}
		return nil
	})
	return group.Wait()
}

// runUntil runs the controller until ctx ends; before that, its end is an error.
func runUntil(ctx context.Context, controller *node.PodController, workers int) error {
	err := controller.Run(ctx, workers)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pod controller: %w", err)
	}
	return errors.New("the pod controller has ended")
}

// podWatcher tells all who follow the cache.
func podWatcher(p Provider, latest *latestPods, reaper *reaper) cache.ResourceEventHandler {
	seen := func(obj any) {
		pod := obj.(*corev1.Pod)
		latest.cached(pod)
		p.Observed(pod)
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    seen,
		UpdateFunc: func(_, is any) { seen(is) },
		DeleteFunc: func(obj any) {
			pod := obj.(*corev1.Pod)
			latest.gone(pod.UID)
			reaper.deleted(pod)
		},
	}
}

func (n *Node) newController(p Provider) (*node.PodController, error) {
	// The core wants these informers, and does not use them when it is not to
	// resolve environments. Never started, they list and watch nothing.
	unused := informers.NewSharedInformerFactory(n.clients.pods, 0).Core().V1()
	controller, err := node.NewPodController(node.PodControllerConfig{
		PodClient: podClients{
			PodsGetter:  n.clients.pods.CoreV1(),
			latest:      n.latest,
			annotations: n.cfg.Annotations,
			terminate:   p.Terminate,
		},
		PodInformer:               podInformer{n.pods},
		EventRecorder:             coreRecorder{n.recorder},
		Provider:                  &bridge{Provider: p, cache: n.pods.Lister()},
		ConfigMapInformer:         unused.ConfigMaps(),
		SecretInformer:            unused.Secrets(),
		ServiceInformer:           unused.Services(),
		SkipDownwardAPIResolution: true,

		SyncPodsFromKubernetesRateLimiter:        queueLimiter(),
		SyncPodsFromKubernetesShouldRetryFunc:    keepTrying(n.cfg.Log, "sync_pods", lastRetry),
		DeletePodsFromKubernetesRateLimiter:      queueLimiter(),
		DeletePodsFromKubernetesShouldRetryFunc:  keepTrying(n.cfg.Log, "delete_pods", lastDeleteRetry),
		SyncPodStatusFromProviderRateLimiter:     queueLimiter(),
		SyncPodStatusFromProviderShouldRetryFunc: keepTrying(n.cfg.Log, "sync_status", lastRetry),
	})
	if err != nil {
		return nil, fmt.Errorf("make pod controller: %w", err)
	}
	return controller, nil
}
