package providerconfig

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a file.
type Fault struct {
	// File is the name that was given to Load or Parse.
	File string
	// Line starts at 1; 0: the fault is something that the file does not say.
	Line int
	// Key is as it should be spelled, tables first ("Limits.RunTask"); "": the fault is in the syntax.
	Key string
	// Problem says what is wrong and what is allowed.
	Problem string
}

// String is the fault as "fargate.toml:12: Subnets: what is wrong; what is allowed".
func (f Fault) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Key == "" {
		return where + ": " + f.Problem
	}
	return where + ": " + f.Key + ": " + f.Problem
}

// Faults is the error of a file that was read and must be mended. All of its faults are in List, by line; what the file
// lacks comes last.
type Faults struct{ List []Fault }

// Error is all faults, each on a line of its own.
func (e *Faults) Error() string {
	lines := make([]string, len(e.List))
	for i, f := range e.List {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// faultsOf returns nil when there are none, so that it can be returned as an error.
func faultsOf(list []Fault) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b Fault) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	return &Faults{List: list}
}
