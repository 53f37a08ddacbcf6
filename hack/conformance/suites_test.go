package main

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTestsThatCountAreFoundInTheSuitesListing(t *testing.T) {
	const listing = `The following spec names can be used with 'ginkgo run --focus/skip':
    ../e2e/apps/job.go:1: [sig-apps] Job should run [Conformance]
    ../e2e/apps/job.go:2: [sig-apps] Job should wait
    ../e2e/api/crd.go:3: [sig-api-machinery] Something: [sig-node] in its name [Conformance]
    ../e2e/node/pods.go:4: [sig-node] Pods: a name with a colon [Serial] [Conformance]
`
	want := []test{{"sig-apps", "[sig-apps] Job should run [Conformance]"}, {"sig-node", "[sig-node] Pods: a name with a colon [Serial] [Conformance]"}}
	got := conformanceTests(listing)
	if !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
	if !want[1].serial() || want[0].serial() {
		t.Error("a test labelled [Serial] runs alone, and no other")
	}
	if !wantsTwoNodes(test{"sig-apps", "[sig-apps] Daemon set [Serial] should rollback without unnecessary restarts [Conformance]"}) || wantsTwoNodes(want[1]) {
		t.Error("one test of all gets a second node")
	}
	if n := len(virtualKubeletTests()); n != 9 {
		t.Errorf("virtual-kubelet's suite has 9 tests that count, found %d", n)
	}
}

func TestGinkgosReportSaysWhatBecameOfATest(t *testing.T) {
	it := func(state, message string, after ...string) spec {
		s := spec{ContainerHierarchyTexts: []string{"[sig-apps] Job", ""}, LeafNodeText: "should run", LeafNodeType: "It", State: state, Failure: failure{Message: message}}
		for _, more := range after {
			s.AdditionalFailures = append(s.AdditionalFailures, struct{ Failure failure }{failure{Message: more}})
		}
		return s
	}
	before := spec{LeafNodeType: "SynchronizedBeforeSuite", State: "failed", Failure: failure{Message: "no node is ready"}}
	cases := map[string]struct {
		specs []spec
		want  result
	}{
		"passed": {specs: []spec{it("passed", "")}, want: result{State: passed}},
		"failed, however it is called": {
			specs: []spec{it("panicked", "nil pointer")}, want: result{State: failed, Message: "nil pointer"}},
		"skipped by itself, with a reason": {
			specs: []spec{it("skipped", "needs two nodes")}, want: result{State: skipped, Message: "needs two nodes"}},
		"out of time: what it waited for says more than that": {
			specs: []spec{it("timedout", "A suite timeout occurred", "A suite timeout occurred and so on before it exited:\n\ngot 0 pods")},
			want:  result{State: failed, Message: "it did not end in time: got 0 pods"}},
		"another test": {specs: []spec{{LeafNodeText: "other", LeafNodeType: "It", State: "passed"}},
			want: result{State: failed, Message: "the suite did not come to this test"}},
		"what fails before the tests fails them": {specs: []spec{before}, want: result{State: failed, Message: "before the test: no node is ready"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal([]map[string]any{{"SpecReports": c.specs}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := readReport(text, "[sig-apps] Job should run")
			if err != nil || got != c.want {
				t.Errorf("want %+v, got %+v, %v", c.want, got, err)
			}
		})
	}
}

func TestGoTestSaysWhatBecameOfATest(t *testing.T) {
	cases := map[string]struct {
		text string
		want result
	}{
		"passed":  {"=== RUN   A/B\n    basic.go:1: Created\n--- PASS: A (1.00s)\n    --- PASS: A/B (1.00s)\nPASS\n", result{State: passed}},
		"failed":  {"    suite.go:62: True\n    basic.go:60: no pod\n--- FAIL: A (1.10s)\n    --- FAIL: A/B (1.09s)\n", result{State: failed, Message: "no pod"}},
		"skipped": {"    suite.go:62: not here\n--- PASS: A (0.00s)\n    --- SKIP: A/B (0.00s)\n", result{State: skipped, Message: "not here"}},
		"another test of the same beginning": {"--- PASS: A (0.00s)\n    --- PASS: A/BB (0.00s)\n",
			result{State: failed, Message: "the test ended without a verdict"}},
		"a panic": {"    basic.go:1: Created\npanic: test timed out after 1s\n", result{State: failed, Message: "Created"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := readGoTest(c.text, "A/B"); got != c.want {
				t.Errorf("want %+v, got %+v", c.want, got)
			}
		})
	}
}
