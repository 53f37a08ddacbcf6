// Package oracle judges the traffic of a local Fargate, and of its clients, by what AWS itself wrote: the API model that
// botocore ships, and cfn-lint's rules for task definitions. It is for tests.
//
// Its rule: what the model does not know is a deviation, and so is a wrong JSON type, a missing required member, a
// value outside an enumeration or a length, or a timestamp that is no number. Where the tools are not on the machine,
// Load and Lint say ErrAbsent, and the test that asked skips loudly.
//
// It shares nothing with the simulator or the provider.
package oracle

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ErrAbsent: the tool that would judge is not on this machine.
var ErrAbsent = errors.New("not on this machine")

// Model is AWS's API model of the services that were loaded.
type Model struct{ services map[string]*service }

// Services are those that Load reads, by signing name.
var Services = []string{"ecs", "logs", "secretsmanager", "ec2", "sts"}

// service is a service-2.json of botocore.
type service struct {
	Metadata   struct{ Protocol string }
	Operations map[string]operation
	Shapes     map[string]*shape
}

type operation struct {
	Input, Output *member
	Errors        []member
}

// member is a use of a shape.
type member struct {
	Shape         string
	LocationName  string
	QueryName     string
	Flattened     bool
	ResultWrapper string
}

type shape struct {
	Type      string
	Members   map[string]member
	Required  []string
	Member    *member // of lists
	Key       *member // of maps
	Value     *member
	Enum      []string
	Min, Max  *float64
	Pattern   string
	Flattened bool
	Exception bool
	Error     struct{ Code string }
}

// Load reads the model from the botocore that python3 finds. It is ErrAbsent where there is none.
func Load(ctx context.Context) (*Model, error) {
	out, err := exec.CommandContext(ctx, "python3", "-c", "import botocore; print(botocore.__path__[0])").Output()
	if err != nil {
		return nil, fmt.Errorf("python3 with botocore: %w (%v)", ErrAbsent, err)
	}
	m := &Model{map[string]*service{}}
	for _, name := range Services {
		if m.services[name], err = read(filepath.Join(strings.TrimSpace(string(out)), "data", name)); err != nil {
			return nil, fmt.Errorf("read the API model of %s: %w", name, err)
		}
	}
	return m, nil
}

// read takes the newest version in a folder of botocore's data.
func read(folder string) (*service, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "service-2.json*"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("nothing in %s", folder)
	}
	file, err := os.Open(slices.Max(files))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(file.Name(), ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			return nil, err
		}
	}
	s := &service{}
	return s, json.NewDecoder(r).Decode(s)
}

// Deviations are the places where a request and its answer differ from the model; nil: nowhere.
func (m *Model) Deviations(serviceName, operationName string, request []byte, status int, response []byte) []string {
	s := m.services[serviceName]
	if s == nil {
		return []string{"no model of the service " + serviceName}
	}
	op, known := s.Operations[operationName]
	if !known {
		return []string{fmt.Sprintf("%s has no operation %s", serviceName, operationName)}
	}
	w := &walk{service: s, at: serviceName + ":" + operationName}
	refused := status >= 300
	switch s.Metadata.Protocol {
	case "json":
		w.jsonRequest(op, request, refused)
		w.jsonResponse(op, response, refused)
	default: // query, ec2
		w.form(op, request, refused)
		w.xmlResponse(operationName, op, response, refused)
	}
	slices.Sort(w.found) // maps have no order
	return w.found
}

// walk is one look at an exchange.
type walk struct {
	service *service
	at      string
	found   []string
}

func (w *walk) deviates(path, format string, args ...any) {
	w.found = append(w.found, fmt.Sprintf("%s %s: %s", w.at, path, fmt.Sprintf(format, args...)))
}
