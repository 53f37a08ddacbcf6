package vknode

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// A deleted node is back, and a changed taint put right, after this time.
	statusInterval = 10 * time.Second
	// The lease is renewed four times in its duration, as kubelet does.
	leaseSeconds = 40
	// Between two tries to register the node, while there is no API server.
	registerInterval = time.Second
)

// nodeControl keeps the node and its lease in the API server, whatever becomes
// of AWS. It is the core's NodeProvider.
type nodeControl struct {
	client kubernetes.Interface
	nodes  nodeClient
	status *nodeStatus
	log    *slog.Logger
}

func newNodeControl(client kubernetes.Interface, status *nodeStatus, log *slog.Logger) *nodeControl {
	return &nodeControl{
		client: client,
		nodes:  newNodeClient(client.CoreV1().Nodes(), status.snapshot(), log),
		status: status,
		log:    log,
	}
}

// run works until ctx ends. The core's controller ends if the API server does
// not answer when it starts; it is then started anew.
func (c *nodeControl) run(ctx context.Context) error {
	for told := ""; ctx.Err() == nil; {
		err := c.attempt(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			c.log.Warn("node not registered yet, will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(registerInterval):
		}
	}
	return nil
}

func (c *nodeControl) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the core's ping loop outlives an attempt that failed
	name := c.status.snapshot().Name
	registered, err := c.nodes.Get(ctx, name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("get node %s: %w", name, err)
	}
	if err == nil {
		c.status.continueFrom(registered)
	}
	controller, err := node.NewNodeController(c, c.status.snapshot(), c.nodes,
		node.WithNodeEnableLeaseV1(c.client.CoordinationV1().Leases(corev1.NamespaceNodeLease), leaseSeconds),
		node.WithNodeStatusUpdateInterval(statusInterval),
		node.WithNodeStatusUpdateErrorHandler(c.registerAgain))
	if err != nil {
		return fmt.Errorf("make node controller: %w", err)
	}
	return controller.Run(ctx)
}

// registerAgain makes a deleted node again, taints and all.
func (c *nodeControl) registerAgain(ctx context.Context, err error) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	_, err = c.nodes.Create(ctx, c.status.snapshot(), metav1.CreateOptions{})
	return err
}

// Ping is always well while we are: an error would end the heartbeat, and with
// it, after some minutes, every pod. What is wrong with AWS is a condition.
func (c *nodeControl) Ping(ctx context.Context) error {
	return ctx.Err()
}

// NotifyNodeStatus hands changes to the core, the last state only. The core's
// callback may block for good once its controller has ended, hence the
// goroutine that nobody waits for.
func (c *nodeControl) NotifyNodeStatus(ctx context.Context, changed func(*corev1.Node)) {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.status.changed:
				changed(c.status.snapshot())
			}
		}
	}()
}
