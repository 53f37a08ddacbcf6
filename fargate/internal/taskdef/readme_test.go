package taskdef_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

const (
	readme      = "../../../README.md"
	tableBegins = "<!-- fields: begin -->\n"
	tableEnds   = "<!-- fields: end -->\n"
)

// TestREADMEHoldsTheVerdicts keeps the README's table that of the code; -update rewrites it.
func TestREADMEHoldsTheVerdicts(t *testing.T) {
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), tableBegins)
	table, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("README.md has lost its marks %q and %q", tableBegins, tableEnds)
	}
	want := fieldTable(taskdef.Verdicts())
	if *update {
		if err := os.WriteFile(readme, []byte(before+tableBegins+want+tableEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("the README's table of fields is not the code's (-want +got), rewrite with -update:\n%s", diff)
	}
}

func fieldTable(rows []taskdef.Row) string {
	var table strings.Builder
	table.WriteString("| field | | what happens |\n| --- | --- | --- |\n")
	for _, row := range rows {
		field := "`" + row.Field + "`"
		if row.Case != "" {
			field += " (" + row.Case + ")"
		}
		what := row.What
		if row.WayOut != "" {
			what += "; " + row.WayOut
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", field, row.Verdict, strings.ReplaceAll(what, "|", `\|`))
	}
	return table.String()
}
