// Command bench measures the provider on the local stack: launch, deletion, the way of a state change,
// calls, memory and processor time. Launch delays are zero and AWS's published throttles are on, so what
// a figure exceeds its ideal by is the provider's, the control plane's and this machine's.
//
// It measures and judges nothing: the ideal stands beside each figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// settings give the node room for the largest load.
const settings = `
CPU = "1000"
Memory = "4000Gi"
Pods = "4000"
`

func main() {
	bin := flag.String("bin", filepath.Join("..", "..", "bin"), "directory of the programs controlplane, standin and virtual-kubelet")
	examples := flag.String("examples", filepath.Join("..", "..", "examples"), "directory of the examples: what virtual-kubelet may do")
	sizes := flag.String("replicas", "20,300,1000", "sizes of the Deployments, one after the other")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *bin, *examples, *sizes, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run brings up a stack, measures on it and prints the table.
func run(ctx context.Context, bin, examples, sizes string, out io.Writer) (err error) {
	replicas, err := numbers(sizes)
	if err != nil {
		return err
	}
	journal := newJournal()
	s, err := stack.Start(ctx, stack.Config{
		Bin: bin, Examples: examples, Runtime: stack.Scripted, Daemon: stack.DaemonConfig{Settings: settings},
		Fargate: func(c *fargatesim.Config) { c.Changed = journal.changed },
		Say:     func(line string) { fmt.Fprintln(out, line) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b := &bench{Stack: s, journal: journal, out: out}
	if err := b.all(ctx, replicas); err != nil {
		return err
	}
	b.print()
	return nil
}

func numbers(list string) (all []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		var n int
		if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 1 {
			return nil, fmt.Errorf("-replicas: %q is not a number of pods", text)
		}
		all = append(all, n)
	}
	return all, nil
}
