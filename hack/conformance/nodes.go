package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// secondNode is the name of the node that is there for the tests that want two.
const secondNode = "virtual-kubelet-2"

// wantsTwoNodes tells of a test that the suite refuses to run on one node. It is labelled [Serial], so that no other
// test meets the second.
func wantsTwoNodes(t test) bool {
	return t.serial() && strings.Contains(t.name, "Daemon set [Serial] should rollback without unnecessary restarts")
}

// besideAnother does it while a second virtual node is there, of a virtual-kubelet of its own.
func (r *runner) besideAnother(ctx context.Context, do func() (result, error)) (found result, err error) {
	daemon, err := r.StartDaemon(ctx, stack.DaemonConfig{NodeName: secondNode, Settings: settings})
	if err != nil {
		return result{}, fmt.Errorf("start a second node: %w", err)
	}
	defer func() {
		daemon.Stop()
		gone := r.Kubernetes.CoreV1().Nodes().Delete(context.WithoutCancel(ctx), secondNode, metav1.DeleteOptions{})
		err = errors.Join(err, gone)
	}()
	return do()
}
