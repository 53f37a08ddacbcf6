// Command conformance runs Kubernetes' own end-to-end suite, at the control plane's version, and
// virtual-kubelet's against the provider on the local stack, where the virtual node is the only node (one test
// gets a second) and containers are real. Results go into a file beside the programs, so that a run can be resumed; the
// report is made of them.
//
// It judges nothing: which tests there are is fixed, each of them is in the report, and what did not
// pass says why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	bin, examples   string // directories
	report, remarks string // files
	focus           *regexp.Regexp
	resume, retry   bool
	processes       int
	limit, total    time.Duration
	rewrite         bool
}

func main() {
	o := options{focus: regexp.MustCompile("")}
	flag.StringVar(&o.bin, "bin", filepath.Join("..", "..", "bin"), "directory of the programs; takes the results and logs")
	flag.StringVar(&o.examples, "examples", filepath.Join("..", "..", "examples"), "directory of the examples: what virtual-kubelet may do")
	flag.StringVar(&o.report, "report", "REPORT.md", "file that takes the report")
	flag.StringVar(&o.remarks, "remarks", "remarks.toml", "file of remarks: why tests do not pass")
	flag.Func("focus", "regular expression: only tests whose names match it run; the others keep their results", func(text string) (err error) {
		o.focus, err = regexp.Compile(text)
		return err
	})
	flag.BoolVar(&o.resume, "resume", false, "leave out the tests that have a result")
	flag.BoolVar(&o.retry, "retry", false, "leave out the tests that have passed")
	flag.IntVar(&o.processes, "processes", 12, "tests at once; those labelled [Serial] run alone")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "what one test may take")
	flag.DurationVar(&o.total, "total", 6*time.Hour, "what all of them may take; what has no result then is left for -resume")
	flag.BoolVar(&o.rewrite, "rewrite", false, "run nothing, only make the report of the results that there are")
	flag.Parse()
	// The signals after the first are ignored: taking everything down has a limit of its own.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, o); err != nil {
		if !errors.Is(err, errBroken) {
			fmt.Fprintln(os.Stderr, "conformance:", err)
		}
		os.Exit(1)
	}
}

// errBroken is the error of a run that broke off and has said why: the counts are to be the last line.
var errBroken = errors.New("the run broke off")

// run makes results, unless only the report is wanted, and the report of all results.
func run(ctx context.Context, o options) error {
	version, err := kubernetesVersion()
	if err != nil {
		return err
	}
	suite := filepath.Join(o.bin, "e2e-"+version+".test")
	tests, err := denominator(ctx, suite)
	if err != nil {
		return err
	}
	remarks, err := readRemarks(o.remarks, tests)
	if err != nil {
		return err
	}
	results, err := openResults(filepath.Join(o.bin, "conformance-"+version+".json"))
	if err != nil {
		return err
	}
	if !o.rewrite {
		if broken := runAll(ctx, o, suite, version, tests, results); broken != nil {
			fmt.Fprintln(os.Stderr, "conformance:", broken)
			err = errBroken
		}
	}
	return errors.Join(err, writeReport(o.report, version, tests, results, remarks, os.Stdout))
}

// kubernetesVersion is that of the module k8s.io/kubernetes, which this program is built with.
func kubernetesVersion() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, module := range info.Deps {
			if module.Path == "k8s.io/kubernetes" {
				return module.Version, nil
			}
		}
	}
	return "", errors.New("this program does not know which Kubernetes it was built with")
}
