package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

func simCommand() *cobra.Command {
	var at string
	var slow bool
	c := &cobra.Command{
		Use:   "sim",
		Short: "the local AWS alone, with scripted containers, until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config := fargatesim.Config{
				Region: stack.Region, Clusters: []string{stack.Cluster},
				Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
			}
			if slow {
				config.Delays = fargatesim.FargateDelays
			}
			endpoint, err := stack.Serve(fargatesim.New(config), at)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "The local AWS is up, with subnet %s and security group %s:\n\n  export %s\n  aws ecs list-tasks\n\nCtrl-C ends it.\n",
				fargatesim.DefaultSubnets[0].ID, fargatesim.DefaultSecurityGroups[0].ID, strings.Join(stack.Environment(endpoint.URL), " "))
			<-c.Context().Done()
			return endpoint.Close()
		},
	}
	c.Flags().StringVar(&at, "listen", "127.0.0.1:4510", "address to answer at; port 0 takes any that is free")
	c.Flags().BoolVar(&slow, "fargate-delays", false, "let tasks take as long to start and stop as on AWS")
	return c
}
