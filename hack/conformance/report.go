package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// notRun is the sentence of a test that has no result.
const notRun = "Not run."

// tally counts what became of tests, as verdict has it.
type tally struct{ passed, failed, skipped int }

func (t tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped of %d", t.passed, t.failed, t.skipped, t.passed+t.failed+t.skipped)
}

func count(tests []test, r *results, remarks map[string]string) (t tally) {
	for _, test := range tests {
		switch state, _ := verdict(test, r, remarks); state {
		case passed:
			t.passed++
		case failed:
			t.failed++
		default:
			t.skipped++
		}
	}
	return t
}

// writeReport writes the report, and the counts to out, the whole last.
func writeReport(path, version string, tests []test, r *results, remarks map[string]string, out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Conformance\n\nWhat became of every test labelled [Conformance] of seven SIGs in the end-to-end suite of Kubernetes %s, and of every\n"+
		"test of virtual-kubelet's own suite, on the local stack, where virtual nodes are the only nodes and containers are\nreal. `make conformance` writes this file; remarks.toml says more than the suite does.\n\n", version)
	text.WriteString("| | passed | failed | skipped | of |\n| --- | --- | --- | --- | --- |\n")
	for _, g := range groups {
		text.WriteString(row(g.name, count(of(tests, g.name), r, remarks)))
	}
	text.WriteString(row("all", count(tests, r, remarks)))
	for _, g := range groups {
		fmt.Fprintf(&text, "\n## %s\n\n| test | | why not |\n| --- | --- | --- |\n", g.name)
		for _, t := range of(tests, g.name) {
			state, why := verdict(t, r, remarks)
			fmt.Fprintf(&text, "| %s | %s | %s |\n", cell(t.name), state, cell(why))
		}
		fmt.Fprintf(out, "%s: %s\n", g.name, count(of(tests, g.name), r, remarks))
	}
	for name, remark := range remarks {
		if found, _ := r.get(name); found.State == passed {
			fmt.Fprintf(out, "passes, and has a remark that can go: %s (%s)\n", name, remark)
		}
	}
	fmt.Fprintf(out, "conformance: %s\n", count(tests, r, remarks))
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

func row(name string, t tally) string {
	return fmt.Sprintf("| %s | %d | %d | %d | %d |\n", name, t.passed, t.failed, t.skipped, t.passed+t.failed+t.skipped)
}

// verdict is what the report says of a test. One without a result, and one that has failed as it must, count as skipped.
func verdict(t test, r *results, remarks map[string]string) (state, why string) {
	found, ok := r.get(t.name)
	switch {
	case !ok:
		state, why = skipped, notRun
	case found.State == passed:
		return passed, ""
	default:
		state, why = found.State, sentence(found.Message)
	}
	if remark := remarks[t.name]; remark != "" {
		why = remark
		if strings.HasPrefix(remark, impossible+": ") {
			state = skipped
		}
	}
	return state, why
}

// longest is how much of a message the report shows.
const longest = 300 // characters

// What differs from run to run in the suite's messages, and what takes its place. The report must not
// change when nothing has.
var passing = []struct {
	found *regexp.Regexp
	as    string
}{
	{regexp.MustCompile(`<[^<>]*\| ?0x[0-9a-f]+>:?`), ""},
	{regexp.MustCompile(`0x[0-9a-f]{6,}`), "0x..."},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "UID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+-]\d{4} [A-Z]+)?( m=[+-][\d.]+)?`), "TIME"},
	{regexp.MustCompile(`after (\d+h)?(\d+m)?\d+\.\d+s`), "after a while"},
	{regexp.MustCompile(`\b([a-z][a-z0-9-]*)-\d{2,}\b`), "$1-N"},
	{regexp.MustCompile(`\S*/kubectl --server=\S+ --kubeconfig=\S+`), "kubectl"},
	{regexp.MustCompile(`(/[\w.@+-]+){2,}\.go:\d+`), "FILE"},
	{regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+(:\d{4,})?\b`), "ADDRESS"},
}

// sentence makes one line of a message.
func sentence(message string) string {
	for _, p := range passing {
		message = p.found.ReplaceAllString(message, p.as)
	}
	line := strings.Join(strings.Fields(message), " ")
	if runes := []rune(line); len(runes) > longest {
		line = string(runes[:longest]) + " ..."
	}
	return line
}

// cell escapes what Markdown would read in a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`).Replace(text)
}
