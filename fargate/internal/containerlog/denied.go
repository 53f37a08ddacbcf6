package containerlog

import "fmt"

// DeniedError is IAM's refusal of an action on a log group.
type DeniedError struct {
	Action string // as policies name it: "logs:GetLogEvents"
	Group  string
	Hint   string // what else would do, or what comes of the refusal
	Err    error  // AWS's own
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s on log group %s is denied; allow it to the role this daemon runs under (%s): %v", e.Action, e.Group, e.Hint, e.Err)
}

func (e *DeniedError) Unwrap() error { return e.Err }
