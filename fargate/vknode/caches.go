package vknode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// makeInformers makes the caches: this node's pods, and all services. Config
// maps and secrets are none of our business until a pod names one.
func (n *Node) makeInformers() error {
	strip := informers.WithTransform(stripManagedFields)
	n.podFactory = informers.NewSharedInformerFactoryWithOptions(n.clients.pods, 0, strip,
		informers.WithNamespace(n.cfg.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", n.cfg.Node.Name).String()
		}))
	n.pods = n.podFactory.Core().V1().Pods()
	n.latest = newLatestPods(n.pods.Lister())
	n.serviceFactory = informers.NewSharedInformerFactoryWithOptions(n.clients.pods, 0, strip)
	n.services = n.serviceFactory.Core().V1().Services()
	for what, informer := range map[string]cache.SharedIndexInformer{"pods": n.pods.Informer(), "services": n.services.Informer()} {
		if err := informer.SetWatchErrorHandlerWithContext(watchTrouble(n.cfg.Log, what)); err != nil {
			return fmt.Errorf("watch %s: %w", what, err)
		}
	}
	return nil
}

// stripManagedFields halves what an object takes in the cache.
func stripManagedFields(obj any) (any, error) {
	if object, err := meta.Accessor(obj); err == nil {
		object.SetManagedFields(nil)
	}
	return obj, nil
}

// watchTrouble logs, once a minute, why a cache is not kept up to date; it is
// tried again all the while. A watch that has to begin anew is no trouble.
func watchTrouble(log *slog.Logger, what string) cache.WatchErrorHandlerWithContext {
	told := &rate.Sometimes{First: 1, Interval: time.Minute}
	return func(ctx context.Context, _ *cache.Reflector, err error) {
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || errors.Is(err, io.EOF) || ctx.Err() != nil {
			return
		}
		told.Do(func() { log.Warn("the API server does not tell what changes", "resource", what, "error", err) })
	}
}
