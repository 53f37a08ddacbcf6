package vknode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var nodeResource = corev1.SchemeGroupVersion.WithResource("nodes")

func taint(key, value string, effect corev1.TaintEffect) corev1.Taint {
	return corev1.Taint{Key: key, Value: value, Effect: effect}
}

// stored is the node in the API server, or nil.
func (w *world) stored() *corev1.Node {
	obj, err := w.api.tracker.Get(nodeResource, "", "vk")
	if err != nil {
		return nil
	}
	return obj.(*corev1.Node)
}

func (w *world) editNode(change func(*corev1.Node)) {
	w.Helper()
	n := w.stored()
	change(n)
	if err := (strictTracker{w.api.tracker, w.api}).Update(nodeResource, n, ""); err != nil {
		w.Fatal(err)
	}
}

func (w *world) removeNode() {
	w.Helper()
	if err := w.api.tracker.Delete(nodeResource, "", "vk"); err != nil {
		w.Fatal(err)
	}
}

func taints(n *corev1.Node) string {
	var all []string
	for _, t := range n.Spec.Taints {
		all = append(all, t.ToString())
	}
	return strings.Join(all, " ")
}

func conditions(n *corev1.Node) string {
	var all []string
	for _, c := range n.Status.Conditions {
		all = append(all, fmt.Sprintf("%s=%s", c.Type, c.Status))
	}
	return strings.Join(all, " ")
}

// startBareNode is the core's node controller as nodeutil.NewNode wires it.
func (w *world) startBareNode() {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		controller, err := node.NewNodeController(node.NaiveNodeProvider{}, w.node.cfg.Node.DeepCopy(), w.api.CoreV1().Nodes(),
			node.WithNodeEnableLeaseV1(w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease), leaseSeconds))
		if err != nil {
			w.Error(err)
			return
		}
		if err := controller.Run(ctx); err != nil {
			w.Logf("the core's node controller has ended: %v", err)
		}
	})
	w.Cleanup(func() {
		cancel()
		done.Wait()
		w.node.events.Shutdown()
		time.Sleep(time.Minute)
	})
	time.Sleep(time.Second)
}

func TestNodeRepairs(t *testing.T) {
	for name, s := range map[string]struct {
		why            string
		taints         []corev1.Taint // wanted; nil: vk.io/p=aws:NoSchedule
		play           func(w *world, start func()) string
		bare, repaired string
	}{
		"the node is deleted": {
			why: "kubectl delete node, or a cloud controller, would be the end of it",
			play: func(w *world, start func()) string {
				start()
				w.removeNode()
				time.Sleep(11 * time.Second)
				if w.stored() == nil {
					time.Sleep(10 * time.Minute)
				}
				if w.stored() == nil {
					return "gone"
				}
				return taints(w.stored()) + " " + w.stored().Labels["type"]
			},
			bare:     "gone",
			repaired: "vk.io/p=aws:NoSchedule virtual-kubelet",
		},
		"the API server does not answer at start": {
			why: "a node that comes up before its control plane must wait for it",
			play: func(w *world, start func()) string {
				w.api.setRefused("get nodes", errors.New("connection refused"))
				start()
				time.Sleep(time.Minute)
				w.api.setRefused("get nodes", nil)
				time.Sleep(5 * time.Second)
				return fmt.Sprint("registered: ", w.stored() != nil)
			},
			bare:     "registered: false",
			repaired: "registered: true",
		},
		"an existing node with another taint of ours": {
			why:    "a changed effect or value must not wait for the node's deletion",
			taints: []corev1.Taint{taint("virtual-kubelet.io/provider", "aws", "PreferNoSchedule")},
			play: func(w *world, start func()) string {
				w.existing(corev1.NodeSpec{Taints: []corev1.Taint{taint("virtual-kubelet.io/provider", "aws", "NoSchedule")}})
				start()
				return taints(w.stored())
			},
			bare:     "virtual-kubelet.io/provider=aws:NoSchedule",
			repaired: "virtual-kubelet.io/provider=aws:PreferNoSchedule",
		},
		"an existing node with taints of others, cordoned": {
			why: "node lifecycle and people put these, and take them away",
			play: func(w *world, start func()) string {
				w.existing(corev1.NodeSpec{Unschedulable: true, Taints: []corev1.Taint{
					taint("node.kubernetes.io/unschedulable", "", "NoSchedule"), taint("mine", "x", "NoExecute")}})
				start()
				return fmt.Sprint(taints(w.stored()), " cordoned: ", w.stored().Spec.Unschedulable)
			},
			bare:     "node.kubernetes.io/unschedulable:NoSchedule mine=x:NoExecute cordoned: true",
			repaired: "node.kubernetes.io/unschedulable:NoSchedule mine=x:NoExecute vk.io/p=aws:NoSchedule cordoned: true",
		},
		"a taint that an earlier start had set": {
			why:    "--disable-taint must take away what was set, under any key",
			taints: []corev1.Taint{},
			play: func(w *world, start func()) string {
				w.existing(corev1.NodeSpec{Taints: []corev1.Taint{taint("custom/key", "aws", "NoSchedule"), taint("mine", "x", "NoExecute")}})
				w.editNode(func(n *corev1.Node) { n.Annotations = map[string]string{taintKeysAnnotation: "custom/key"} })
				start()
				return taints(w.stored())
			},
			bare:     "custom/key=aws:NoSchedule mine=x:NoExecute",
			repaired: "mine=x:NoExecute",
		},
		"a taint that someone takes away": {
			why: "ordinary pods would land here",
			play: func(w *world, start func()) string {
				start()
				w.editNode(func(n *corev1.Node) { n.Spec.Taints = nil })
				time.Sleep(11 * time.Second)
				return taints(w.stored())
			},
			bare:     "",
			repaired: "vk.io/p=aws:NoSchedule",
		},
		"an existing node without a provider ID": {
			why: "a cloud controller may delete a node that it does not know",
			play: func(w *world, start func()) string {
				w.existing(corev1.NodeSpec{})
				start()
				return w.stored().Spec.ProviderID
			},
			bare:     "",
			repaired: "ecs-fargate://r/c/vk",
		},
		"taints may not be patched": {
			why: "a missing right on nodes must not end the heartbeat",
			play: func(w *world, start func()) string {
				w.existing(corev1.NodeSpec{})
				w.api.setRefused("patch nodes", apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "vk", nil))
				start()
				return fmt.Sprint("status: ", len(w.stored().Status.Conditions) > 0)
			},
			bare:     "status: false", // nobody has said what the conditions are
			repaired: "status: true",
		},
		"all five conditions": {
			why: "an empty status is read as Unknown by some, and shown so by kubectl",
			play: func(w *world, start func()) string {
				start()
				return conditions(w.stored())
			},
			bare:     "",
			repaired: "Ready=True MemoryPressure=False DiskPressure=False PIDPressure=False NetworkUnavailable=False",
		},
	} {
		for _, repaired := range []bool{false, true} {
			title, want := name+"/the core alone", s.bare
			if repaired {
				title, want = name+"/repaired", s.repaired
			}
			t.Run(title, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					w.node.cfg.Node.Labels = map[string]string{"type": "virtual-kubelet"}
					w.node.cfg.Node.Spec = corev1.NodeSpec{ProviderID: "ecs-fargate://r/c/vk", Taints: s.taints}
					if s.taints == nil {
						w.node.cfg.Node.Spec.Taints = []corev1.Taint{taint("vk.io/p", "aws", "NoSchedule")}
					}
					start := w.startBareNode
					if repaired {
						start = func() { w.start(true) }
					}
					got := s.play(w, start)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", s.why, diff)
					}
				})
			})
		}
	}
}

// existing registers the node as an earlier start would have left it.
func (w *world) existing(spec corev1.NodeSpec) {
	w.Helper()
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "vk"}, Spec: spec}
	if _, err := w.api.CoreV1().Nodes().Create(w.Context(), n, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

func TestNodeIsReadyWhileAWSIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.recovered = make(chan struct{}) // never
		w.start(true)
		if got := conditions(w.stored()); !strings.HasPrefix(got, "Ready=True") {
			t.Errorf("after a second: %s", got)
		}
		time.Sleep(10 * time.Minute)
		lease, err := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), "vk", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(lease.Spec.RenewTime.Time); age > 10*time.Second {
			t.Errorf("lease renewed %v ago", age)
		}
		heartbeat := w.stored().Status.Conditions[0].LastHeartbeatTime
		if age := time.Since(heartbeat.Time); age > statusInterval+time.Second {
			t.Errorf("heartbeat %v ago", age)
		}
		if w.node.isReady() == nil {
			t.Error("ready for pods, though not recovered")
		}
	})
}

func TestLeaseComesBackWithTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(true)
		leases := w.api.CoordinationV1().Leases(corev1.NamespaceNodeLease)
		w.removeNode()
		for range 12 { // a minute of garbage collection
			lease, err := leases.Get(t.Context(), "vk", metav1.GetOptions{})
			if n := w.stored(); err == nil && (n == nil || lease.OwnerReferences[0].UID != n.UID) {
				if err := leases.Delete(t.Context(), "vk", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(5 * time.Second)
		}
		lease, err := leases.Get(t.Context(), "vk", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := lease.OwnerReferences[0].UID, w.stored().UID; got != want {
			t.Errorf("lease belongs to node %s, not %s", got, want)
		}
	})
}

// TestNodeStatusIsReported soon, the last one of a flood, and without holding up
// who reports: the core's channel for it holds one.
func TestNodeStatusIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(true)
		start := metav1.Now().Rfc3339Copy()
		time.Sleep(time.Minute)
		synctest.Wait()
		for i := range 100 {
			w.cloud.nodeCb(&corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
				{Type: "ECSAvailable", Status: "False", Reason: fmt.Sprint("Try", i)}}}})
		}
		time.Sleep(time.Second)
		got := w.stored().Status.Conditions
		i := slices.IndexFunc(got, func(c corev1.NodeCondition) bool { return c.Type == "ECSAvailable" })
		if i < 0 || got[i].Reason != "Try99" || len(got) != 6 {
			t.Errorf("conditions a second later: %+v", got)
		}
		if at := got[0].LastTransitionTime; at.After(start.Time) {
			t.Errorf("Ready has changed at %v, after its start at %v", at, start)
		}
	})
}

func TestTransitionTimesOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		was := metav1.NewTime(time.Now().Add(-time.Hour)).Rfc3339Copy()
		w.existing(corev1.NodeSpec{})
		w.editNode(func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{
				{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastTransitionTime: was},
				{Type: corev1.NodeDiskPressure, Status: corev1.ConditionUnknown, LastTransitionTime: was},
			}
		})
		w.start(true)
		for _, c := range w.stored().Status.Conditions {
			if kept := c.LastTransitionTime.Equal(&was); kept != (c.Type == corev1.NodeReady) {
				t.Errorf("%s: transition at %v, before the start %v", c.Type, c.LastTransitionTime, was)
			}
		}
	})
}

func TestNodeSpecPatchHoldsForOneVersion(t *testing.T) {
	registered := &corev1.Node{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}}
	patch, err := nodeSpecPatch(registered, &corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{taint("a", "b", "NoSchedule")}}})
	want := `{"metadata":{"annotations":{"fargate.virtual-kubelet.io/taint-keys":"a"},"resourceVersion":"7"},` +
		`"spec":{"taints":[{"key":"a","value":"b","effect":"NoSchedule"}]}}`
	if diff := cmp.Diff(want, string(patch)); diff != "" || err != nil {
		t.Errorf("a list of taints replaced without a version loses what was added meanwhile: %v (-want +got):\n%s", err, diff)
	}
}
