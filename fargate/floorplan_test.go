package fargate_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/virtual-kubelet/aws-fargate/"

// plan is the house: each package and what of this module it may import. Arrows point down only, and
// rooms of one floor do not know each other. A new room is a new line.
var plan = map[string][]string{
	// The door.
	"cmd/virtual-kubelet": {"fargate", "fargate/vknode", "providerconfig"},
	// The roof.
	"fargate": {
		"fargate/internal/awscall", "fargate/internal/containerlog", "fargate/internal/launcher", "fargate/internal/preflight", "fargate/internal/prober", "fargate/internal/secretstore", "fargate/internal/tracker",
		"fargate/internal/awserr", "fargate/internal/manifest", "fargate/internal/podenv", "fargate/internal/podfile", "fargate/internal/podid", "fargate/internal/podstatus", "fargate/internal/pullsecret", "fargate/internal/taskdef",
		"providerconfig",
	},
	"fargate/vknode": {},
	// The first floor: one conversation each.
	"fargate/internal/awscall":      {"fargate/internal/awserr"},
	"fargate/internal/containerlog": {"fargate/internal/awserr"},
	"fargate/internal/launcher":     {"fargate/internal/awserr", "fargate/internal/taskdef"},
	"fargate/internal/preflight":    {"fargate/internal/awserr"},
	"fargate/internal/secretstore":  {"fargate/internal/awserr", "fargate/internal/podenv", "fargate/internal/podid"},
	"fargate/internal/prober":       {"fargate/internal/healthcheck"},
	"fargate/internal/tracker":      {"fargate/internal/awserr"},
	// The ground: values in, values out.
	"fargate/internal/awserr":      {},
	"fargate/internal/healthcheck": {"fargate/internal/podenv"},
	"fargate/internal/manifest":    {},
	"fargate/internal/podenv":      {},
	"fargate/internal/podfile":     {"fargate/internal/podenv"},
	"fargate/internal/podid":       {},
	"fargate/internal/podstatus":   {"fargate/internal/awserr", "fargate/internal/healthcheck", "fargate/internal/podid"},
	"fargate/internal/pullsecret":  {"fargate/internal/podenv"},
	"fargate/internal/taskdef":     {"fargate/internal/healthcheck", "fargate/internal/podenv", "fargate/internal/podfile", "fargate/internal/podid", "fargate/internal/pullsecret"},
	// Beside the house.
	"providerconfig":            {},
	"fargate/fargatesim":        {}, // a witness: a fault shared with the provider would hide
	"fargate/fargatesim/oracle": {}, // judges the witness by what AWS wrote
}

// ground rooms decide and never wait.
var ground = []string{"awserr", "healthcheck", "manifest", "podenv", "podfile", "podid", "podstatus", "pullsecret", "taskdef"}

// waiting are packages that a room on the ground has no use for.
var waiting = []string{"context", "net", "net/http", "os", "sync", "k8s.io/client-go", "golang.org/x/sync"}

// TestFloorPlan reads the imports from the files themselves: a test that asked the go command would be
// cached as passing after an import has changed.
func TestFloorPlan(t *testing.T) {
	found := imports(t, "..")
	for room, imported := range found {
		allowed, planned := plan[room]
		if !planned {
			t.Errorf("%s is not in the plan: give it a line", room)
		}
		for _, path := range imported {
			if below, ours := strings.CutPrefix(path, module); ours && !slices.Contains(allowed, below) {
				t.Errorf("%s imports %s, which the plan does not allow", room, below)
			}
			if slices.Contains(ground, strings.TrimPrefix(room, "fargate/internal/")) && waits(path) {
				t.Errorf("%s is on the ground floor and imports %s", room, path)
			}
		}
	}
	for room := range plan {
		if _, exists := found[room]; !exists {
			t.Errorf("%s is in the plan and does not exist", room)
		}
	}
}

func waits(path string) bool {
	return slices.ContainsFunc(waiting, func(forbidden string) bool {
		return path == forbidden || strings.HasPrefix(path, forbidden+"/") && forbidden != "net"
	})
}

// imports are those of the module's packages, tests left out, by directory. Nested modules are their own.
func imports(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := entry.Name(); {
		case entry.IsDir() && (name == "hack" || name == "testdata" || name == ".git"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		room, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[filepath.ToSlash(room)] = append(found[filepath.ToSlash(room)], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
