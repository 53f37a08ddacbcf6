package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// virtualKubelet runs one test of virtual-kubelet's suite.
func (r *runner) virtualKubelet(ctx context.Context, t test, log string) (result, error) {
	suite, err := filepath.Abs(filepath.Join(r.bin, "vksuite.test"))
	if err != nil {
		return result{}, err
	}
	_, name, _ := strings.Cut(t.name, "] ")
	_, err = r.process(ctx, process.Command{
		Name: "test", Path: suite, Dir: r.Dir, Log: log,
		Args: []string{
			"-kubeconfig=" + r.Kubeconfig, "-namespace=" + ours, "-node=" + r.Daemon.NodeName, "-test.v", "-test.timeout=" + r.limit.String(),
			"-test.run=^TestVirtualKubelet$/^" + name + "$",
		},
	})
	if err != nil || ctx.Err() != nil {
		return result{}, err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return result{}, fmt.Errorf("what the test wrote: %w", err)
	}
	return readGoTest(string(text), "TestVirtualKubelet/"+name), nil
}

// where begins what a test says: "    basic.go:60: ".
var where = regexp.MustCompile(`^\s+\w+\.go:\d+: `)

// readGoTest reads what "go test -v" writes. The last that a failed test said is its message.
func readGoTest(text, name string) result {
	var said string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if prefix := where.FindString(line); prefix != "" {
			said = strings.TrimPrefix(line, prefix)
		}
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if !strings.HasPrefix(rest, name+" (") {
			continue
		}
		switch verdict {
		case "--- PASS":
			return result{State: passed}
		case "--- SKIP":
			return result{State: skipped, Message: said}
		case "--- FAIL":
			return result{State: failed, Message: said}
		}
	}
	if said == "" {
		said = "the test ended without a verdict"
	}
	return result{State: failed, Message: said}
}
