package vknode

import (
	"context"
	"log/slog"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// nodeClient is the node client of the core, which writes a node's status
// alone: it gets the node, then patches the status. Here, the spec is put
// right with the first.
type nodeClient struct {
	corev1client.NodeInterface
	wanted *corev1.Node
	log    *slog.Logger
	told   *string // the trouble that was logged last; of the one goroutine that calls Get
}

func newNodeClient(nodes corev1client.NodeInterface, wanted *corev1.Node, log *slog.Logger) nodeClient {
	return nodeClient{NodeInterface: nodes, wanted: wanted, log: log, told: new(string)}
}

// Create makes the node, and remembers on it which taints are ours.
func (c nodeClient) Create(ctx context.Context, node *corev1.Node, opts metav1.CreateOptions) (*corev1.Node, error) {
	node = node.DeepCopy()
	if node.Annotations == nil {
		node.Annotations = map[string]string{}
	}
	node.Annotations[taintKeysAnnotation] = taintKeys(node.Spec.Taints)
	created, err := c.NodeInterface.Create(ctx, node, opts)
	if err == nil {
		c.log.Info("node registered", "node", node.Name)
	}
	return created, err
}

// Get returns the node with its spec put right. If that is not allowed, the
// node is returned as it is: the heartbeat is worth more than a taint. Errors
// are not wrapped, the core asks for NotFound and Conflict.
func (c nodeClient) Get(ctx context.Context, name string, opts metav1.GetOptions) (*corev1.Node, error) {
	node, err := c.NodeInterface.Get(ctx, name, opts)
	if err != nil {
		return nil, err
	}
	patch, err := nodeSpecPatch(node, c.wanted)
	if err != nil || patch == nil {
		return node, err
	}
	patched, err := c.NodeInterface.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil, err // the core gets it again, or makes it again
	}
	if err != nil {
		c.tell(err)
		return node, nil
	}
	c.log.Info("node's taints and provider ID set", "node", name)
	return patched, nil
}

// tell logs a trouble once, not at each heartbeat.
func (c nodeClient) tell(err error) {
	if *c.told != err.Error() {
		*c.told = err.Error()
		c.log.Warn("the node keeps its former taints and provider ID", "error", err)
	}
}
