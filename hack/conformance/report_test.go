package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	one   = test{"sig-node", "[sig-node] one"}
	two   = test{"sig-node", "[sig-node] two"}
	three = test{ours, "[virtual-kubelet] three"}
	four  = test{ours, "[virtual-kubelet] four"}
	all   = []test{one, two, three}
)

// noted are results in a file of the test's.
func noted(t *testing.T, of map[test]result) *results {
	t.Helper()
	r, err := openResults(filepath.Join(t.TempDir(), "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	for test, found := range of {
		if err := r.put(test.name, found); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestTheReportHasEveryTestAndWhyItDidNotPass(t *testing.T) {
	r := noted(t, map[test]result{one: {State: passed}, two: {State: failed, Message: "no\n  logs | at all"}, four: {State: failed, Message: "no"}})
	path := filepath.Join(t.TempDir(), "REPORT.md")
	var out bytes.Buffer
	remarks := map[string]string{three.name: "later: nobody has tried", one.name: "agent: it needs one", four.name: "impossible: AWS says so"}
	if err := writeReport(path, "v1", append(slices.Clone(all), four), r, remarks, &out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [sig-node] one | passed |  |", `| [sig-node] two | failed | no logs \| at all |`,
		"| [virtual-kubelet] three | skipped | later: nobody has tried |", "| [virtual-kubelet] four | skipped | impossible: AWS says so |", "| all | 1 | 1 | 2 | 4 |",
	} {
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("the report lacks %q", want)
		}
	}
	if !strings.HasSuffix(out.String(), "\nconformance: 1 passed, 1 failed, 2 skipped of 4\n") {
		t.Errorf("the counts come last, got %q", out.String())
	}
	if !strings.Contains(out.String(), "a remark that can go: [sig-node] one") {
		t.Errorf("a remark on a test that passes is told, got %q", out.String())
	}
}

func TestResultsOutliveARunAndSpareTheNext(t *testing.T) {
	r := noted(t, map[test]result{one: {State: passed, Seconds: 2}, two: {State: failed, Message: "no"}})
	r, err := openResults(r.path)
	if err != nil {
		t.Fatal(err)
	}
	every, nodes := regexp.MustCompile(""), regexp.MustCompile("sig-node")
	cases := map[string]struct {
		options options
		want    []test
	}{
		"everything":              {options{focus: every}, all},
		"only what has no result": {options{focus: every, resume: true}, []test{three}},
		"what has not passed":     {options{focus: every, retry: true}, []test{two, three}},
		"what is looked at":       {options{focus: nodes}, []test{one, two}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := choose(c.options, all, r); !slices.Equal(got, c.want) {
				t.Errorf("want %v, got %v", c.want, got)
			}
		})
	}
}

func TestASentenceIsTheSameInEveryRun(t *testing.T) {
	cases := map[string]struct{ message, want string }{
		"lines":     {"a\n\n  b", "a b"},
		"pointers":  {"got <*url.Error | 0x1fb00d4991e0>: no", "got no"},
		"durations": {"Timed out after 300.001s. No pod", "Timed out after a while. No pod"},
		"names":     {`pod "pod-84d5008c-6ee3-49c6-98d6-87dbb6c97285" in configmap-4711`, `pod "pod-UID" in configmap-N`},
		"times":     {"at 2026-11-28T13:49:44Z", "at TIME"},
		"addresses": {"dial tcp 10.0.1.16:80 of 10.0.1.1:38417", "dial tcp ADDRESS:80 of ADDRESS"},
		"programs":  {"error running /a/bin/kubectl --server=https://10.0.1.1:1 --kubeconfig=/b exec", "error running kubectl exec"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := sentence(c.message); got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}

func TestRemarks(t *testing.T) {
	cases := map[string]struct{ text, err string }{
		"a remark of each class":      {text: `"[sig-node] one" = "agent: a"` + "\n" + `"[sig-node] two" = "impossible: AWS says so"`},
		"a test that does not exist":  {text: `"[sig-node] four" = "later: a"`, err: "no test has the name"},
		"a class that does not exist": {text: `"[sig-node] one" = "never: a"`, err: "want agent, later or impossible"},
		"a class without a sentence":  {text: `"[sig-node] one" = "later"`, err: "want agent, later or impossible"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "remarks.toml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := readRemarks(path, all)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("want error %q, got %v", c.err, err)
			}
		})
	}
}
