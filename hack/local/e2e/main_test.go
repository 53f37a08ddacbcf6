// Package e2e tests the provider where users meet it: pods are made with kubectl's manifests
// in a genuine control plane, virtual-kubelet runs as a process of its own, and the local
// Fargate is in this process, so that a test can order any fault and see any task.
//
// All tests share one stack with scripted containers; each has a namespace of its own.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// cluster is the stack that the tests share.
var cluster *stack.Stack

// settings of the shared daemon.
const settings = stack.WithRoles + `
[TaskDefinitions]
KeepTime = "30s"

[[Grants]]
Namespaces = ["granted-*"]
TaskRoles = ["` + stack.TaskRole + `"]
`

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if cluster, err = stack.Start(context.Background(), config(stack.Scripted)); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	return m.Run(), nil
}

// config of a stack with the programs that "make e2e" builds.
func config(runtime stack.Runtime) stack.Config {
	return stack.Config{
		Bin: filepath.Join("..", "..", "..", "bin"), Runtime: runtime, Daemon: stack.DaemonConfig{Settings: settings},
		Say: func(line string) { fmt.Println("e2e:", line) },
	}
}
