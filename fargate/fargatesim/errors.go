package fargatesim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
)

// Error is an error answer of an AWS service. It is also what a fault answers.
type Error struct {
	Status  int            // HTTP status; 0: 400
	Code    string         // "ThrottlingException", "AccessDeniedException", ...
	Message string         // in AWS's words
	Members map[string]any // further members of the error, such as resourceIds of a ConflictException
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// json is the error as the AWS JSON protocol writes it.
func (e *Error) json() (status int, body []byte) {
	members := map[string]any{"__type": e.Code, "message": e.Message}
	maps.Copy(members, e.Members)
	text, _ := json.Marshal(members)
	return e.status(), text
}

// secrets is the error as Secrets Manager writes it.
func (e *Error) secrets() (status int, body []byte) {
	members := map[string]any{"__type": e.Code, "Message": e.Message}
	maps.Copy(members, e.Members)
	text, _ := json.Marshal(members)
	return e.status(), text
}

// as is the error under the code and status that another service has for it: the codes of this package are those
// of ECS. Codes that renamed does not list are the same everywhere.
func (e *Error) as(renamed map[string]Error) *Error {
	other := *e
	if r, ok := renamed[e.Code]; ok {
		other.Code, other.Status = r.Code, r.Status
	}
	return &other
}

// Throttled is AWS's answer above a published rate: status 400, but 503 and a code of its own from EC2.
func Throttled() *Error { return &Error{Code: "ThrottlingException", Message: "Rate exceeded"} }

// Unavailable is a fault inside AWS, status 500.
func Unavailable() *Error {
	return &Error{Status: http.StatusInternalServerError, Code: "ServerException", Message: "Service Unavailable. Please try again later."}
}

// Expired is AWS's answer to a caller whose session is over.
func Expired() *Error {
	return &Error{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
}

// AccessDenied is IAM's answer to a caller whose policy does not allow the operation ("ecs:RunTask").
func AccessDenied(action string) *Error {
	return &Error{Code: "AccessDeniedException", Message: fmt.Sprintf(
		"User: %s is not authorized to perform: %s on resource: * because no identity-based policy allows the %s action", callerARN("123456789012"), action, action)}
}

func newError(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func serializationError(format string, args ...any) error {
	return newError("SerializationException", format, args...)
}

func invalidParameter(format string, args ...any) error {
	return newError("InvalidParameterException", format, args...)
}

func validationException(format string, args ...any) error {
	return newError("ValidationException", format, args...)
}

func clientError(format string, args ...any) error {
	return newError("ClientException", format, args...)
}
