package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// impossible is the class of what counts as skipped, and not as failed.
const impossible = "impossible"

// readRemarks reads a table of TOML, test name to remark, of why tests do not pass. A remark takes the place
// of the suite's own message and begins with its class:
//
//	agent: ...       the suite means the agent of an ordinary node, which a virtual node does not have
//	later: ...       it can pass, and does not yet
//	impossible: ...  it cannot pass, and counts as skipped; what follows cites who says so
//
// A name that is no test, or another class, is an error.
func readRemarks(path string, tests []test) (map[string]string, error) {
	remarks := map[string]string{}
	if _, err := toml.DecodeFile(path, &remarks); err != nil {
		return nil, fmt.Errorf("remarks: %w", err)
	}
	for name, remark := range remarks {
		if !slices.ContainsFunc(tests, func(t test) bool { return t.name == name }) {
			return nil, fmt.Errorf("remarks: %s: no test has the name %q", path, name)
		}
		class, text, _ := strings.Cut(remark, ": ")
		if !slices.Contains([]string{"agent", "later", impossible}, class) || strings.TrimSpace(text) == "" {
			return nil, fmt.Errorf("remarks: %s: %q: want agent, later or impossible, a colon and a sentence, not %q", path, name, remark)
		}
	}
	return remarks, nil
}
