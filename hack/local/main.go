// Command local is the local stack from the command line: "local run" brings it up and
// stays, "local demo" goes through the walkthrough on it, "local sim" is the local AWS alone.
// The programs it starts are beside it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

func main() {
	// The first signal takes everything down in order; that has a limit of its own, so those after it are
	// ignored: some senders send twice, and an end in the middle would leave containers behind.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "local",
		Short:         "a Kubernetes control plane and a Fargate on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(), demoCommand(), simCommand())
	return root
}

// options are the flags of every command that brings up a stack.
type options struct {
	runtime  string
	bin      string
	examples string
}

func (o *options) addTo(c *cobra.Command) {
	c.Flags().StringVar(&o.runtime, "runtime", string(stack.Auto),
		"what runs the containers: docker, scripted (nothing runs), or auto: docker where an engine runs")
	c.Flags().StringVar(&o.bin, "bin", "", "directory of the programs controlplane, standin and virtual-kubelet (default: that of this one)")
	c.Flags().StringVar(&o.examples, "examples", "examples", "directory of the examples: manifests, and what virtual-kubelet may do")
}

// config of a stack with the given runtime and the programs that the flags name.
func (o *options) config(runtime stack.Runtime) (stack.Config, error) {
	switch runtime {
	case stack.Auto, stack.Docker, stack.Scripted:
	default:
		return stack.Config{}, fmt.Errorf("--runtime is docker, scripted or auto, not %q", runtime)
	}
	bin := o.bin
	if bin == "" {
		self, err := os.Executable()
		if err != nil {
			return stack.Config{}, fmt.Errorf("find the programs: %w", err)
		}
		bin = filepath.Dir(self)
	}
	return stack.Config{Bin: bin, Examples: o.examples, Runtime: runtime}, nil
}

// bringUp starts a stack and tells how far it is.
func bringUp(c *cobra.Command, config stack.Config) (*stack.Stack, error) {
	out := c.OutOrStdout()
	config.Say = func(line string) { fmt.Fprintln(out, "local:", line) }
	config.Say("bringing up a control plane, two workers, a local Fargate and virtual-kubelet ...")
	s, err := stack.Start(c.Context(), config)
	if err != nil && c.Context().Err() != nil {
		return nil, errors.New("interrupted while coming up; everything is taken down")
	}
	return s, err
}
