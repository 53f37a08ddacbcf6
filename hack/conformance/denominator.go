package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"time"

	vke2e "github.com/virtual-kubelet/virtual-kubelet/test/e2e"
)

// ours is the group of virtual-kubelet's own tests.
const ours = "virtual-kubelet"

// groups are the tests that count: those labelled [Conformance] of these SIGs, and virtual-kubelet's.
// The numbers are those of Kubernetes v1.36.3 and virtual-kubelet v1.13.0. Another version is another
// denominator: it is said, not slipped in.
var groups = []struct {
	name  string
	count int
}{
	{"sig-node", 106}, {"sig-storage", 91}, {"sig-apps", 60}, {"sig-network", 47},
	{"sig-cli", 17}, {"sig-scheduling", 11}, {"sig-auth", 10}, {ours, 9},
}

// test is one test of the denominator.
type test struct {
	group string
	name  string // as its suite writes it, with the group in brackets first
}

// serial tests change what other tests rely on: they run alone.
func (t test) serial() bool {
	return strings.Contains(t.name, "[Serial]") || strings.Contains(t.name, "[Disruptive]")
}

// listLimit is how long the suite may take to tell its tests; it takes a second or two.
const listLimit = time.Minute

// denominator returns every test that counts, by group and name.
func denominator(ctx context.Context, suite string) ([]test, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	listing, err := exec.CommandContext(ctx, suite, "--list-tests").Output()
	if err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w", suite, err)
	}
	tests := append(conformanceTests(string(listing)), virtualKubeletTests()...)
	slices.SortFunc(tests, func(a, b test) int {
		return cmp.Or(cmp.Compare(rank(a.group), rank(b.group)), cmp.Compare(a.name, b.name))
	})
	for _, g := range groups {
		if n := len(of(tests, g.name)); n != g.count {
			return nil, fmt.Errorf("the suites have %d tests of %s, and the denominator %d: change it in denominator.go if that is meant", n, g.name, g.count)
		}
	}
	return tests, nil
}

// conformanceTests reads lines of the form "FILE:LINE: [sig-...] ... [Conformance]".
func conformanceTests(listing string) (tests []test) {
	for line := range strings.Lines(listing) {
		_, name, found := strings.Cut(strings.TrimSpace(line), ": [sig-")
		if !found || !strings.Contains(name, "[Conformance]") {
			continue
		}
		group, _, _ := strings.Cut("sig-"+name, "]")
		if rank(group) >= 0 {
			tests = append(tests, test{group, "[sig-" + name})
		}
	}
	return tests
}

// virtualKubeletTests are the methods that virtual-kubelet's suite itself looks for.
func virtualKubeletTests() (tests []test) {
	suite := reflect.TypeFor[*vke2e.EndToEndTestSuite]()
	for i := range suite.NumMethod() {
		if name := suite.Method(i).Name; strings.HasPrefix(name, "Test") {
			tests = append(tests, test{ours, "[" + ours + "] " + name})
		}
	}
	return tests
}

// rank is the place of a group in the report; -1: it does not count.
func rank(group string) int {
	for i, g := range groups {
		if g.name == group {
			return i
		}
	}
	return -1
}

// of returns the tests of a group.
func of(tests []test, group string) (some []test) {
	for _, t := range tests {
		if t.group == group {
			some = append(some, t)
		}
	}
	return some
}
