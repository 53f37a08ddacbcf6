// Package vksuite is virtual-kubelet's own end-to-end suite as a test of this module: compiled once, it
// runs against the node and cluster that its flags name. Without them it is skipped.
package vksuite

import (
	"flag"
	"testing"

	vke2e "github.com/virtual-kubelet/virtual-kubelet/test/e2e"
)

var (
	kubeconfig = flag.String("kubeconfig", "", "path of the kubeconfig of the cluster")
	namespace  = flag.String("namespace", "default", "namespace that takes the pods")
	node       = flag.String("node", "virtual-kubelet", "name of the virtual node")
)

func TestVirtualKubelet(t *testing.T) {
	if *kubeconfig == "" {
		t.Skip("no -kubeconfig: make conformance runs this")
	}
	vke2e.NewEndToEndTestSuite(vke2e.EndToEndTestSuiteConfig{Kubeconfig: *kubeconfig, Namespace: *namespace, NodeName: *node}).Run(t)
}
