// Package awserr answers what an AWS error means, and what the text of a stopped task means.
//
// Errors are asked by type and code, never by text, with three exceptions that AWS leaves no other way
// for and that have their sources beside them: a task's stopped reason (stopped.go), messages that share
// one code for different things (inactive definition, missing task), and the action that IAM refused.
//
// The package never calls AWS and never waits.
package awserr

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

// Code is AWS's code for an error; "": AWS did not answer.
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// message is what AWS says, without what was wrapped around it.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Error()
	}
	return err.Error()
}

// Codes of the AWS API references ("Common errors" and the ECS errors), by what they mean to us.
var (
	throttleCodes = []string{"ThrottlingException", "Throttling", "ThrottledException", "RequestLimitExceeded",
		"TooManyRequestsException", "RequestThrottled", "RequestThrottledException"}
	deniedCodes     = []string{"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized"}
	credentialCodes = []string{"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException",
		"InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature",
		"MissingAuthenticationToken", "AuthFailure"}
)

// IsThrottle reports whether AWS refused the call for its rate.
func IsThrottle(err error) bool { return slices.Contains(throttleCodes, Code(err)) }

// IsAccessDenied reports whether IAM refused the call.
func IsAccessDenied(err error) bool { return slices.Contains(deniedCodes, Code(err)) }

// deniedAction finds the action in "User: ARN is not authorized to perform: iam:PassRole on resource: ..." (IAM user
// guide: "Access denied error messages"). AWS has no other place for it, and it need not be the call's own.
var deniedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// DeniedAction returns the action that IAM refused, as policies name it; "" if the error does not tell.
func DeniedAction(err error) string {
	if found := deniedAction.FindStringSubmatch(message(err)); found != nil && IsAccessDenied(err) {
		return found[1]
	}
	return ""
}

// IsCredentials reports whether AWS did not accept who we say we are.
func IsCredentials(err error) bool { return slices.Contains(credentialCodes, Code(err)) }

// Conflict returns the tasks that already exist for a client token that was used with other
// parameters; false if err is something else.
func Conflict(err error) (taskARNs []string, ok bool) {
	var conflict *ecstypes.ConflictException
	if !errors.As(err, &conflict) {
		return nil, false
	}
	return conflict.ResourceIds, true
}

// IsDefinitionGone reports whether a task definition is inactive or does not exist.
// ECS says both with ClientException or InvalidParameterException. RunTask: "TaskDefinition is inactive",
// "TaskDefinition not found."; DescribeTaskDefinition: "Unable to describe task definition.";
// DeregisterTaskDefinition: "The specified task definition is inactive.", "... does not exist."
func IsDefinitionGone(err error) bool {
	return IsRefusal(err) && containsAny(message(err), "TaskDefinition is inactive", "TaskDefinition not found",
		"Unable to describe task definition", "task definition is inactive", "task definition does not exist")
}

// IsTaskGone reports whether ECS no longer knows the task.
// ECS says so with InvalidParameterException: "The referenced task was not found."
func IsTaskGone(err error) bool {
	return IsRefusal(err) && containsAny(message(err), "task was not found")
}

// IsRefusal reports whether ECS does not take the request as it is: the same request is refused again.
func IsRefusal(err error) bool {
	return slices.Contains([]string{"ClientException", "InvalidParameterException"}, Code(err))
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
