package fargate_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awscall"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

var update = flag.Bool("update", false, "rewrite the README's tables")

// tables of the README, by the name in their marks, are the code's own.
var tables = map[string]func() string{"annotations": annotationTable, "fields": fieldTable, "permissions": permissionTable}

// TestREADMEHoldsTheTables keeps them so; -update rewrites them.
func TestREADMEHoldsTheTables(t *testing.T) {
	const readme = "../README.md"
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, table := range tables {
		begin, end := fmt.Sprintf("<!-- %s: begin -->\n", name), fmt.Sprintf("<!-- %s: end -->\n", name)
		before, rest, begins := strings.Cut(text, begin)
		now, after, ends := strings.Cut(rest, end)
		if !begins || !ends {
			t.Fatalf("README.md has lost its marks %q and %q", begin, end)
		}
		want := table()
		if diff := cmp.Diff(want, now); diff != "" && !*update {
			t.Errorf("the README's table of %s is not the code's (-want +got), rewrite with -update:\n%s", name, diff)
		}
		text = before + begin + want + end + after
	}
	if *update {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fieldTable has one row for all fields of which the same is to be said, where the first of them stands.
func fieldTable() string {
	var rows []string
	fields := map[string][]string{}
	for _, row := range taskdef.Verdicts() {
		field := "`" + row.Field + "`"
		if row.Case != "" {
			field += " (" + row.Case + ")"
		}
		what := row.What
		if row.WayOut != "" {
			what += "; " + row.WayOut
		}
		said := fmt.Sprintf("%s | %s", row.Verdict, strings.ReplaceAll(what, "|", `\|`))
		if fields[said] == nil {
			rows = append(rows, said)
		}
		fields[said] = append(fields[said], field)
	}
	var table strings.Builder
	table.WriteString("| field | | what happens |\n| --- | --- | --- |\n")
	for _, said := range rows {
		fmt.Fprintf(&table, "| %s | %s |\n", strings.Join(fields[said], ", "), said)
	}
	return table.String()
}

func annotationTable() string {
	var table strings.Builder
	table.WriteString("| annotation on a pod | written by | value | meaning | granted with |\n| --- | --- | --- | --- | --- |\n")
	for _, a := range taskdef.Annotations() {
		writer, grant := "you", ""
		if a.Provider {
			writer = "the provider"
		}
		if a.Grant != "" {
			grant = "`" + a.Grant + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", a.Key, writer, a.Value, a.Meaning, grant)
	}
	return table.String()
}

func permissionTable() string {
	var table strings.Builder
	table.WriteString("| action | what for |\n| --- | --- |\n")
	for _, action := range slices.Sorted(maps.Keys(awscall.Purposes)) {
		fmt.Fprintf(&table, "| `%s` | %s |\n", action, awscall.Purposes[action])
	}
	return table.String()
}
