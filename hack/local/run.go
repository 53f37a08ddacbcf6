package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

func runCommand() *cobra.Command {
	var o options
	var slow bool
	c := &cobra.Command{
		Use:   "run",
		Short: "bring up the stack and stay until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := o.config(stack.Runtime(o.runtime))
			if err != nil {
				return err
			}
			config.Daemon.Settings = stack.WithRoles
			if slow {
				config.Fargate = func(f *fargatesim.Config) { f.Delays = fargatesim.FargateDelays }
			}
			return run(c, config)
		},
	}
	o.addTo(c)
	c.Flags().BoolVar(&slow, "fargate-delays", false, "let tasks take as long to start and stop as on AWS")
	return c
}

func run(c *cobra.Command, config stack.Config) (err error) {
	ctx, out := c.Context(), c.OutOrStdout()
	s, err := bringUp(c, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	invite(out, s, config.Bin)
	err = s.Wait(ctx)
	fmt.Fprintln(out, "\nlocal: taking everything down ...")
	return err
}

// invite says what is there and what to try.
func invite(out io.Writer, s *stack.Stack, bin string) {
	fmt.Fprintf(out, `
The cluster is up: containers are %s, pods get addresses of %s. In another terminal:

  export PATH=%s:$PATH    # for kubectl, where you have none
  export KUBECONFIG=%s
  kubectl get nodes
  kubectl create -f examples/nginx-deployment.yaml
  kubectl get pods -o wide

The local AWS, for any client of AWS:

  export %s
  aws ecs list-tasks

It has one EFS file system, %s, with the directory %s and the access point %s.

Logs and data are in %s (virtual-kubelet's: %s).
Ctrl-C takes everything down.
`, s.Runtime, s.Site.Tasks, absolute(bin), s.Kubeconfig, strings.Join(stack.Environment(s.Endpoint), " "),
		stack.FileSystem, stack.Directory, stack.AccessPoint, s.Dir, s.Daemon.Log())
}

// absolute is for people; a path that cannot be made so is good enough for them.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
