// Package e2e tests the provider where users meet it: pods are made with kubectl's manifests
// in a genuine control plane, virtual-kubelet runs as a process of its own, and the local
// Fargate is in this process, so that a test can order any fault and see any task.
//
// All tests share one stack with scripted containers; each has a namespace of its own. The daemon has the rights
// of examples/deploy/rbac.yaml and the policies of examples/iam, and what went between it and the local AWS is judged
// at the end by what AWS itself wrote.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
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
	ctx := context.Background()
	var seen traffic
	shared := config(stack.Scripted)
	shared.Fargate = func(c *fargatesim.Config) { c.Record, c.Delays.Logs = seen.record, 2*time.Second }
	if cluster, err = stack.Start(ctx, shared); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	code = m.Run()
	all := flag.Lookup("test.run").Value.String() == ""
	return code, errors.Join(seen.judge(ctx), judgeRights(cluster, all && code == 0))
}

// config of a stack with the programs that "make e2e" builds.
func config(runtime stack.Runtime) stack.Config {
	return stack.Config{
		Bin: filepath.Join("..", "..", "..", "bin"), Examples: filepath.Join("..", "..", "..", "examples"), Runtime: runtime, Daemon: stack.DaemonConfig{Settings: settings},
		Say: func(line string) { fmt.Println("e2e:", line) },
	}
}
