package taskdef

import (
	"errors"
	"strings"
)

// Verdict is what becomes of a field.
type Verdict string

const (
	Mapped   Verdict = "mapped"   // ECS has the same, and gets it
	Emulated Verdict = "emulated" // the provider does it by other means
	Accepted Verdict = "accepted" // nothing to do on Fargate: a default, or read by the control plane alone
	Warned   Verdict = "warned"   // the pod runs without it, and an event says so
	Refused  Verdict = "refused"  // the pod does not run
)

// Finding is one thing that the pod's owner should know about one of its fields.
type Finding struct {
	Field   string // spec.containers[0].securityContext.privileged
	Verdict Verdict
	Message string // why, and the way out: Fargate has no privileged containers; remove it
}

func (f Finding) String() string { return f.Field + ": " + f.Message }

// UnsupportedError says that Fargate cannot run the pod as it is written.
type UnsupportedError struct {
	Findings []Finding // all of the pod's, warnings included; at least one is Refused
}

// Error names every refused field, each on a line of its own when there are several.
func (e *UnsupportedError) Error() string {
	var lines []string
	for _, f := range e.Findings {
		if f.Verdict == Refused {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

// AsUnsupported finds the refusal in an error's chain, or returns nil.
func AsUnsupported(err error) *UnsupportedError {
	var unsupported *UnsupportedError
	errors.As(err, &unsupported)
	return unsupported
}

func refused(findings []Finding) bool {
	for _, f := range findings {
		if f.Verdict == Refused {
			return true
		}
	}
	return false
}
