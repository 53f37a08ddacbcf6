package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// settings of the daemon: what the suite takes for granted of every node, tokens of ServiceAccounts and pods of DaemonSets.
const settings = stack.WithRoles + `
ServiceAccountToken = "always"

[DaemonSets]
Mode = "run"
`

// runner runs tests on a stack.
type runner struct {
	options
	*stack.Stack
	suite   string // path of Kubernetes' suite
	logs    string // directory of what the tests that did not pass wrote
	results *results
	door    http.Server
	began   atomic.Int32 // counts the tests that have begun
	count   int          // of tests to run
}

// runAll brings up a stack, runs the tests that are wanted on it and takes it down, however it went.
func runAll(ctx context.Context, o options, suite, version string, tests []test, r *results) (err error) {
	wanted := choose(o, tests, r)
	if len(wanted) == 0 {
		fmt.Println("conformance: no test is left to run")
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.total, fmt.Errorf("%s have passed and not all tests have run: -resume goes on", o.total))
	defer cancel()
	s, err := stack.Start(ctx, stack.Config{
		Bin: o.bin, Examples: o.examples, Runtime: stack.Docker, NoWorkers: true, Daemon: stack.DaemonConfig{Settings: settings},
		Say: func(line string) { fmt.Println("conformance:", line) },
	})
	if err != nil {
		return err
	}
	run := &runner{
		options: o, Stack: s, suite: suite, results: r, logs: filepath.Join(o.bin, "conformance-logs"),
		count: len(wanted),
	}
	defer func() { err = errors.Join(err, run.keepLog(), run.door.Close(), s.Close()) }()
	if err := os.MkdirAll(run.logs, 0o755); err != nil {
		return err
	}
	if err := makeImages(ctx, o.bin, version); err != nil {
		return err
	}
	if err := run.standForVirtualKubelet(ctx); err != nil {
		return err
	}
	return run.all(ctx, wanted)
}

// choose leaves out what the flags leave out.
func choose(o options, tests []test, r *results) (wanted []test) {
	for _, t := range tests {
		found, has := r.get(t.name)
		if o.focus.MatchString(t.name) && !(o.resume && has) && !(o.retry && found.State == passed) {
			wanted = append(wanted, t)
		}
	}
	return wanted
}

// all runs several tests at once, then those that must be alone. It ends early when ctx does or the cluster
// is broken; what was under way then has no result.
func (r *runner) all(ctx context.Context, tests []test) error {
	ctx, broken := context.WithCancelCause(ctx)
	defer broken(nil)
	watch, done := context.WithCancel(ctx)
	var watcher errgroup.Group
	watcher.Go(func() error { broken(r.Wait(watch)); return nil })
	defer func() { done(); _ = watcher.Wait() }()

	together, alone := errgroup.Group{}, []test{}
	together.SetLimit(max(1, r.processes))
	for _, t := range tests {
		if t.serial() {
			alone = append(alone, t)
			continue
		}
		together.Go(func() error {
			err := r.one(ctx, t)
			if err != nil {
				broken(err) // the others need not run on
			}
			return err
		})
	}
	if err := together.Wait(); err != nil {
		return err
	}
	for _, t := range alone {
		if err := r.one(ctx, t); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// one runs a test, notes its result and tells it. A test whose run was broken off has no result.
func (r *runner) one(ctx context.Context, t test) error {
	if ctx.Err() != nil {
		return nil // all says why
	}
	if err := r.Daemon.Ended(); err != nil {
		return err
	}
	number, start := r.began.Add(1), time.Now()
	log := filepath.Join(r.logs, logName(t))
	if err := os.RemoveAll(log); err != nil {
		return err
	}
	try := func() (result, error) { return r.try(ctx, t, log) }
	if wantsTwoNodes(t) {
		alone := try
		try = func() (result, error) { return r.besideAnother(ctx, alone) }
	}
	found, err := try()
	if err != nil || ctx.Err() != nil {
		return err
	}
	found.Seconds = time.Since(start).Seconds()
	if found.State == failed {
		found.Message = refusals(log) + found.Message
	}
	line := fmt.Sprintf("%3d/%d %-7s %4.0f s  %s", number, r.count, found.State, found.Seconds, t.name)
	if found.State == passed {
		err = os.Remove(log)
	} else {
		line += ": " + sentence(found.Message)
	}
	fmt.Println(line)
	return errors.Join(err, r.results.put(t.name, found))
}

// logName is of letters, short and no other test's.
func logName(t test) string {
	hash := fnv.New32()
	hash.Write([]byte(t.name))
	letters := regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(t.name, "-")
	return fmt.Sprintf("%s-%08x.log", strings.Trim(letters[:min(len(letters), 100)], "-"), hash.Sum32())
}

// try runs a test in a process of its own.
func (r *runner) try(ctx context.Context, t test, log string) (result, error) {
	if t.group == ours {
		return r.virtualKubelet(ctx, t, log)
	}
	return r.kubernetes(ctx, t, log)
}

// refusal is an event of the virtual node's, as the suite tells it, about what it does not do.
var refusal = regexp.MustCompile(`\{virtual-kubelet [^}]*\} ((?:UnsupportedPodSpec|FieldsNotApplied): .*)`)

// refusals are what the provider said that it does not do for the pods of the test, each once: mostly the true reason.
func refusals(log string) (all string) {
	text, err := os.ReadFile(log)
	if err != nil {
		return "" // the test's own message does without
	}
	for _, found := range refusal.FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(all, found[1]) {
			all += found[1] + "; "
		}
	}
	return all
}

// keepLog saves the daemon's log beside those of the tests.
func (r *runner) keepLog() error {
	text, err := os.ReadFile(r.Daemon.Log())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.logs, "virtual-kubelet.log"), text, 0o644)
}
