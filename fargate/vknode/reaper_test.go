package vknode

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// TestReaperAsksBeforeItTerminates what a cache does not know: at start that
// may have been filled from a replica of the API server that is behind.
func TestReaperAsksBeforeItTerminates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, log := newAPIServer(), testConfig().Log
		exists := api.createPod(t, "exists")
		api.createPod(t, "taken")
		terminated := map[types.UID]int{}
		r := newReaper(api.CoreV1(), func(_ context.Context, uid types.UID) bool {
			terminated[uid]++
			return terminated[uid] == 3
		}, log)
		api.setRefused("get pods", errors.New("connection refused"))
		behind := corev1listers.NewPodLister(cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil))
		r.missing([]*corev1.Pod{
			exists,
			{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "taken", UID: "former"}},
			{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "gone", UID: "gone"}},
		}, behind)
		ctx, cancel := context.WithCancel(t.Context())
		go r.run(ctx)

		time.Sleep(time.Minute)
		synctest.Wait()
		if len(terminated) > 0 {
			t.Errorf("terminated while nothing is known: %v", terminated)
		}
		api.setRefused("get pods", nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(map[types.UID]int{"former": 3, "gone": 3}, terminated); diff != "" {
			t.Errorf("times asked to terminate (-want +got):\n%s", diff)
		}
		cancel()
	})
}
