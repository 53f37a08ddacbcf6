package launcher

import (
	"errors"
	"net/http"

	"github.com/aws/smithy-go"
)

// UnansweredError is a RunTask of which nobody knows what came: there was no answer, or one that tells of a
// fault of AWS's own. The task may run.
type UnansweredError struct{ err error }

func (e *UnansweredError) Error() string { return "run task: " + e.err.Error() }
func (e *UnansweredError) Unwrap() error { return e.err }

// unanswered takes a throttle for an answer, though the SDK may have tried before it in vain: a pod that is
// throttled must not wait for its end as one that may run.
func unanswered(err error) bool {
	var api smithy.APIError
	var response interface{ HTTPStatusCode() int }
	return !errors.As(err, &api) || errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError
}
