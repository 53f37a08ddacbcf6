package stack

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// Workers are the names of the ordinary nodes.
var Workers = []string{"worker-1", "worker-2"}

// workers are the names of this stack's ordinary nodes.
func (s *Stack) workers() []string {
	if s.config.NoWorkers {
		return nil
	}
	return Workers
}

// startWorker starts a kubelet whose containers are pretended.
func (s *Stack) startWorker(name string) (*process.Process, error) {
	port, err := freePort(s.Site.Node)
	if err != nil {
		return nil, err
	}
	return s.startProgram(name, "worker", "--morph=kubelet", "--name="+name, "--kubeconfig="+s.Kubeconfig,
		"--use-host-image-service=false", "--kubelet-port="+strconv.Itoa(port), "--kubelet-read-only-port=0",
		"--node-labels=node-role.kubernetes.io/worker=", "--kube-api-qps=50", "--kube-api-burst=100")
}

// nodeReady returns the fact that a node is Ready.
func (s *Stack) nodeReady(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		node, err := s.Kubernetes.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("its conditions are %v", node.Status.Conditions)
	}
}
