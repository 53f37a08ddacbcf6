// Command controlplane is a Kubernetes control plane in one file, for the local stack:
// the genuine kube-apiserver, kube-controller-manager, kube-scheduler and kubectl,
// an embedded etcd, and hollow kubelets as ordinary workers. Each is a subcommand
// with its own flags, and runs as a process of its own.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	hollownode "k8s.io/kubernetes/cmd/kubemark/app"
)

func main() {
	commands := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllermanager.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
		"kubectl":                 func() *cobra.Command { return kubectl.NewDefaultKubectlCommand() },
		"etcd":                    etcdCommand,
		"worker":                  hollownode.NewHollowNodeCommand,
	}
	// A link named like one of them is that command, as with busybox.
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if _, known := commands[name]; !known && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	command, known := commands[name]
	if !known {
		fmt.Fprintln(os.Stderr, "controlplane: want one of kube-apiserver, kube-controller-manager, kube-scheduler, etcd, worker, kubectl")
		os.Exit(2)
	}
	os.Args = append([]string{name}, args...)
	os.Exit(cli.Run(command()))
}
