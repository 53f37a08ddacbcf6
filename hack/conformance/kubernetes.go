package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// grace is how long a test that is told to end may clean up before its process is killed.
const grace = time.Minute

// kubernetes runs one test of Kubernetes' suite.
func (r *runner) kubernetes(ctx context.Context, t test, log string) (result, error) {
	dir, err := os.MkdirTemp(r.Dir, "test-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir) // it goes with the stack otherwise
	report := filepath.Join(dir, "report.json")
	suite, err := filepath.Abs(r.suite)
	if err != nil {
		return result{}, err
	}
	bin, err := filepath.Abs(r.bin)
	if err != nil {
		return result{}, err
	}
	ended, err := r.process(ctx, process.Command{
		Name: "test", Path: suite, Dir: dir, Log: log,
		Args: []string{
			"--provider=skeleton", "--kubeconfig=" + r.Kubeconfig, "--kubectl-path=" + filepath.Join(bin, "kubectl"),
			"--num-nodes=1", "--e2e-output-dir=" + dir, "--repo-root=",
			"--ginkgo.no-color", "--ginkgo.v", "--ginkgo.silence-skips",
			"--ginkgo.timeout=" + r.limit.String(), "--ginkgo.json-report=" + report,
			"--ginkgo.focus=^Kubernetes e2e suite " + regexp.QuoteMeta(t.name) + "$",
		},
	})
	if err != nil || ctx.Err() != nil {
		return result{}, err
	}
	text, err := os.ReadFile(report)
	if err != nil { // killed before it could write one
		return result{State: failed, Message: "the suite ended without a report: " + ended.Error()}, r.sweep(ctx)
	}
	return readReport(text, t.name)
}

// process starts a program and waits for its end, which it returns: at the test's limit, or when ctx ends,
// it is told to end, and killed if it does not.
func (r *runner) process(ctx context.Context, c process.Command) (ended, err error) {
	p, err := process.Start(c)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop(grace)
	case <-time.After(r.limit + grace): // the suite's own limit is the test's, with its own grace
		p.Stop(grace)
	}
	return p.Ended(), nil
}

// sweep removes the namespaces of tests that were killed: those older than a test can get.
func (r *runner) sweep(ctx context.Context) error {
	namespaces, err := r.Kubernetes.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: "e2e-run"})
	if err != nil {
		return fmt.Errorf("namespaces of tests that were killed: %w", err)
	}
	for _, n := range namespaces.Items {
		if time.Since(n.CreationTimestamp.Time) > r.limit {
			// One that is gone, or goes already, is as wanted.
			_ = r.Kubernetes.CoreV1().Namespaces().Delete(ctx, n.Name, metav1.DeleteOptions{})
		}
	}
	return nil
}

// spec is what is read of ginkgo's report of a spec or of what stands before all of them.
type spec struct {
	ContainerHierarchyTexts []string
	LeafNodeText            string
	LeafNodeType            string
	State                   string // passed, skipped, or one of several that mean failed
	Failure                 failure
	AdditionalFailures      []struct{ Failure failure } // what failed after it
}

type failure struct{ Message, ForwardedPanic string }

func (s spec) name() string {
	var texts []string
	for _, text := range append(s.ContainerHierarchyTexts, s.LeafNodeText) {
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " ")
}

// readReport finds the test in ginkgo's report, which names every test of the suite. What fails before the
// test begins fails it too.
func readReport(text []byte, name string) (result, error) {
	var suites []struct{ SpecReports []spec }
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&suites); err != nil {
		return result{}, fmt.Errorf("ginkgo's report: %w", err)
	}
	found := result{State: failed, Message: "the suite did not come to this test"}
	for _, suite := range suites {
		for _, s := range suite.SpecReports {
			switch {
			case s.LeafNodeType == "It" && s.name() == name:
				return verdictOf(s), nil
			case s.LeafNodeType == "SynchronizedBeforeSuite" && s.State != passed:
				found.Message = "before the test: " + s.Failure.Message
			}
		}
	}
	return found, nil
}

func verdictOf(s spec) result {
	switch s.State {
	case passed:
		return result{State: passed}
	case skipped, "pending":
		return result{State: skipped, Message: s.Failure.Message}
	case "timedout":
		message := "it did not end in time"
		if len(s.AdditionalFailures) > 0 { // the first is the timeout's
			_, last, _ := strings.Cut(s.AdditionalFailures[0].Failure.Message, "before it exited:")
			message += ": " + strings.TrimSpace(last)
		}
		return result{State: failed, Message: message}
	}
	return result{State: failed, Message: strings.TrimSpace(s.Failure.Message + " " + s.Failure.ForwardedPanic)}
}
