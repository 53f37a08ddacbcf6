package awscall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// Reasons of a Trouble. They are shown to users and stay as they are.
const (
	ReasonAccessDenied        = "AccessDenied"
	ReasonCredentialsInvalid  = "CredentialsInvalid"
	ReasonEndpointUnreachable = "EndpointUnreachable"
	ReasonServiceError        = "ServiceError"
	ReasonThrottled           = "Throttled"
)

// Trouble is something that AWS, or the way to it, keeps this daemon from doing.
type Trouble struct {
	// Service is the SDK's name for it: "ECS".
	Service string
	// Operation is "RunTask" and the like; "" when every call of the service is affected.
	Operation string
	// Reason is one of the Reason constants.
	Reason string
	// Message is a sentence that names the action ("ecs:RunTask") and carries AWS's words. It is that of the first
	// failed call and stays the same until a call succeeds.
	Message string
}

// place is what a Trouble is about.
type place struct{ service, operation string }

// health remembers the troubles that pods live by. It watches the operations of family.go only, and of them those
// that are called all the time: one of another service that is called once a day would leave its last failure standing for a day.
type health struct {
	mu      sync.Mutex // guards what follows
	current map[place]Trouble
	// throttledSince is when an operation was first throttled of which no call has succeeded since.
	throttledSince map[place]time.Time
}

// throttlePatience is how long an operation must have been throttled without one success to count as a trouble.
// A burst meets throttles in passing; a condition that came and went with each would help nobody.
const throttlePatience = 30 * time.Second

func newHealth() *health {
	return &health{current: map[place]Trouble{}, throttledSince: map[place]time.Time{}}
}

// ended takes in how a call ended, nil: well, and reports whether the troubles have changed.
func (h *health) ended(service, operationName string, err error) (changed bool) {
	known, ok := lookup(service, operationName)
	if !ok || known.onDemand {
		return false
	}
	trouble, troubled := troubleOf(service, operationName, err)
	at := place{service, operationName}
	switch {
	case troubled && known.atStart && trouble.Operation != "":
		return false
	case !troubled:
		return h.clear(at)
	case trouble.Reason == ReasonThrottled && !h.outOfPatience(at, time.Now()):
		return false
	default:
		return h.set(trouble)
	}
}

// clear forgets the troubles that a success at a place refutes, and reports whether there were any.
func (h *health) clear(at place) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.current)
	delete(h.throttledSince, at)
	delete(h.current, at)
	delete(h.current, place{service: at.service})
	return len(h.current) != before
}

// set remembers a trouble, and reports whether it is news.
func (h *health) set(t Trouble) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	refuted := false
	if t.Operation != "" {
		// AWS answered this caller: neither the network nor the credentials are the trouble.
		_, refuted = h.current[place{service: t.Service}]
		delete(h.current, place{service: t.Service})
	}
	about := place{t.Service, t.Operation}
	if h.current[about].Reason == t.Reason {
		return refuted
	}
	h.current[about] = t
	return true
}

// outOfPatience notes a throttled call and reports whether throttling has lasted long enough to be told.
func (h *health) outOfPatience(at place, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	since, before := h.throttledSince[at]
	if !before {
		h.throttledSince[at] = now
		return false
	}
	return now.Sub(since) >= throttlePatience
}

func (h *health) troubles() []Trouble {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Trouble, 0, len(h.current))
	for _, t := range h.current {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Trouble) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation))
	})
	return all
}

// troubleOf says what a failed call tells about the account or the way to it; false: nothing. An error about the
// request alone, such as a parameter AWS does not like, is the caller's to report.
func troubleOf(service, operationName string, err error) (Trouble, bool) {
	action := actionName(service, operationName)
	t := Trouble{Service: service, Operation: operationName}
	switch {
	case err == nil:
		return Trouble{}, false
	case awserr.IsAccessDenied(err):
		t.Reason = ReasonAccessDenied
		t.Message = fmt.Sprintf("%s is denied to this node's AWS identity: %s", action, awsWords(err))
	case isCredentials(err):
		t.Operation, t.Reason = "", ReasonCredentialsInvalid
		t.Message = fmt.Sprintf("%s has no valid AWS credentials: %s", action, awsWords(err))
	case isThrottle(err):
		t.Reason = ReasonThrottled
		t.Message = fmt.Sprintf("%s is throttled by AWS: %s", action, awsWords(err))
	case isServerFault(err):
		t.Reason = ReasonServiceError
		t.Message = fmt.Sprintf("%s meets a fault of AWS's own: %s", action, awsWords(err))
	case isUnreachable(err):
		t.Operation, t.Reason = "", ReasonEndpointUnreachable
		t.Message = fmt.Sprintf("%s does not reach its endpoint: %s", action, awsWords(err))
	default:
		return Trouble{}, false
	}
	return t, true
}

// iamPrefixes are the services whose name in IAM is not their SDK name in lower case.
var iamPrefixes = map[string]string{
	"CloudWatch Logs": "logs",
	"Secrets Manager": "secretsmanager",
}

// actionName is a call as IAM policies name it: "ecs:RunTask".
func actionName(service, operationName string) string {
	prefix, ok := iamPrefixes[service]
	if !ok {
		prefix = strings.ToLower(service)
	}
	return prefix + ":" + operationName
}

// lookup finds an operation in the table of family.go.
func lookup(service, operationName string) (operation, bool) {
	op, ok := operations[service][operationName]
	return op, ok
}
