// Command virtual-kubelet makes Amazon ECS on AWS Fargate look like a node of a Kubernetes cluster.
//
// It is wiring only: flags and environment become options (flags.go, options.go), options and
// fargate.toml become a node with a provider that run together (run.go), or manifests become an explanation of
// what such a node would make of their pods (explain.go, explainprint.go).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// version is set by the linker.
var version = "dev"

// collectAt is how much garbage may lie beside what is in use before it is collected, in per cent. The daemon is idle
// most of the time and is to run on the smallest instances: it has the time, and not the memory. GOGC overrides it.
const collectAt = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand(version, os.Getenv, run).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// runError is what went wrong after the command line and fargate.toml had been found right.
type runError struct{ error }

func (e runError) Unwrap() error { return e.error }

// exitCode is 1 for what failed, and 2 for what was not even tried: a command line or a file to mend.
func exitCode(err error) int {
	if errors.As(err, new(runError)) {
		return 1
	}
	return 2
}
