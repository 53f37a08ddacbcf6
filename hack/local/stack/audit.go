package stack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// What is noted of each request: who asked for what, and how it ended. No content.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules: [{level: Metadata}]
`

// AuditLog is the file in which the API server notes all requests.
func (s *Stack) AuditLog() string { return filepath.Join(s.Dir, "audit.log") }

func (s *Stack) writeAuditPolicy(context.Context) (err error) {
	s.auditPolicy, err = s.write("audit-policy.yaml", []byte(auditPolicy))
	return err
}

// Asked calls seen for each request so far that a user has made of the API server.
func (s *Stack) Asked(user string, seen func(auditv1.Event)) error {
	file, err := os.Open(s.AuditLog())
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event auditv1.Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
		if event.User.Username == user {
			seen(event)
		}
	}
	return lines.Err()
}
