package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/virtual-kubelet/aws-fargate/hack/local/demo"
	"github.com/virtual-kubelet/aws-fargate/hack/local/dockerruntime"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// every stands for all runtimes that this machine has, one after the other.
const every stack.Runtime = "every"

func demoCommand() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "demo",
		Short: "go through the walkthrough on the stack; fail at the first step that does not hold",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if stack.Runtime(o.runtime) != every {
				return o.demo(c, stack.Runtime(o.runtime))
			}
			if err := o.demo(c, stack.Scripted); err != nil {
				return err
			}
			docker, err := dockerruntime.Find(c.Context())
			if err != nil {
				fmt.Fprintf(c.OutOrStdout(), "\nSKIPPED: the walkthrough with real containers (%v)\n", err)
				return nil
			}
			return errors.Join(docker.Close(), o.demo(c, stack.Docker))
		},
	}
	o.addTo(c)
	c.Flags().Lookup("runtime").Usage += "; or every: one after the other"
	return c
}

// demo walks through the story with one runtime, on a stack of its own.
func (o *options) demo(c *cobra.Command, runtime stack.Runtime) (err error) {
	config, err := o.config(runtime)
	if err != nil {
		return err
	}
	config.Daemon.Settings, config.Policies = demo.Settings, demo.Policies
	s, err := bringUp(c, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	walk := demo.Walk{Stack: s, Examples: o.examples, Out: c.OutOrStdout()}
	return walk.Run(c.Context())
}
