package awserr_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// asSDK wraps an error as the SDK hands it out, and a caller of ours once more.
func asSDK(operation string, err error) error {
	answer := &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusBadRequest}},
			Err:      err,
		},
		RequestID: "eda80292-edce-428d-b040-410665f3c619",
	}
	return fmt.Errorf("some call: %w", &smithy.OperationError{ServiceID: "ECS", OperationName: operation, Err: answer})
}

func coded(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

func client(message string) error {
	return &ecstypes.ClientException{Message: &message}
}

func invalid(message string) error {
	return &ecstypes.InvalidParameterException{Message: &message}
}

func TestQuestions(t *testing.T) {
	questions := map[string]func(error) bool{
		"throttle":    awserr.IsThrottle,
		"denied":      awserr.IsAccessDenied,
		"credentials": awserr.IsCredentials,
		"definition":  awserr.IsDefinitionGone,
		"task":        awserr.IsTaskGone,
		"refusal":     awserr.IsRefusal,
	}
	for name, c := range map[string]struct {
		reason    string
		operation string
		err       error
		yes       []string
	}{
		"rate exceeded": {"ECS answers 400 with this code above its rates",
			"RunTask", coded("ThrottlingException", "Rate exceeded"), []string{"throttle"}},
		"rate exceeded in EC2": {"EC2 has a code of its own",
			"DescribeNetworkInterfaces", coded("RequestLimitExceeded", "Request limit exceeded."), []string{"throttle"}},
		"too many requests": {"so do others",
			"GetSecretValue", coded("TooManyRequestsException", "Too many requests"), []string{"throttle"}},
		"denied": {"IAM's answer as the SDK types it",
			"RunTask", &ecstypes.AccessDeniedException{Message: aws.String("User: arn:aws:sts::123456789012:assumed-role/vk is not authorized to perform: ecs:RunTask")}, []string{"denied"}},
		"denied in EC2": {"EC2 has a code of its own",
			"DescribeSubnets", coded("UnauthorizedOperation", "You are not authorized to perform this operation."), []string{"denied"}},
		"expired token": {"temporary credentials that nobody renewed",
			"RunTask", coded("ExpiredTokenException", "The security token included in the request is expired"), []string{"credentials"}},
		"unknown key": {"credentials of another partition, or none that AWS ever gave",
			"RunTask", coded("UnrecognizedClientException", "The security token included in the request is invalid."), []string{"credentials"}},
		"wrong clock": {"a signature is refused when the clock is off",
			"RunTask", coded("InvalidSignatureException", "Signature expired: 20261122T101500Z is now earlier than 20261122T102000Z"), []string{"credentials"}},
		"inactive definition, by one code": {"RunTask was seen to say it so",
			"RunTask", invalid("TaskDefinition is inactive"), []string{"definition", "refusal"}},
		"inactive definition, by the other": {"and so",
			"RunTask", client("TaskDefinition is inactive"), []string{"definition", "refusal"}},
		"definition never made": {"a definition deleted for good",
			"RunTask", client("TaskDefinition not found."), []string{"definition", "refusal"}},
		"no such family": {"the answer for a family with no active revision",
			"DescribeTaskDefinition", client("Unable to describe task definition."), []string{"definition", "refusal"}},
		"deregistered twice": {"two clean-ups at once",
			"DeregisterTaskDefinition", client("The specified task definition is inactive. Specify an active task definition and try again."), []string{"definition", "refusal"}},
		"deregistered and deleted": {"somebody deleted it meanwhile",
			"DeregisterTaskDefinition", client("The specified task definition does not exist. Specify a valid account, family, revision and try again."), []string{"definition", "refusal"}},
		"stop of a forgotten task": {"ECS forgets a task an hour after its end",
			"StopTask", invalid("The referenced task was not found."), []string{"task", "refusal"}},
		"task of another cluster": {"the cluster in fargate.toml was changed",
			"DescribeTasks", invalid("Invalid identifier: Identifier is for cluster old. Your cluster is new"), []string{"refusal"}},
		"words alone mean nothing": {"only a refusal is read, or a log line could pass for one",
			"RunTask", errors.New("TaskDefinition is inactive"), nil},
		"a fault inside AWS": {"no answer to any of these questions",
			"RunTask", &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")}, nil},
		"no answer": {"no code, no meaning",
			"RunTask", &smithyhttp.RequestSendError{Err: errors.New("dial tcp: connection refused")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]bool{}
			for _, question := range c.yes {
				want[question] = true
			}
			got := map[string]bool{}
			for question, ask := range questions {
				if ask(asSDK(c.operation, c.err)) {
					got[question] = true
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
	for question, ask := range questions {
		if ask(nil) {
			t.Errorf("no error is taken for one: %s", question)
		}
	}
}

func TestConflictNamesTheTasksThatExist(t *testing.T) {
	exists := []string{"arn:aws:ecs:eu-west-1:123456789012:task/vk/5d1f"}
	conflict := &ecstypes.ConflictException{Message: aws.String("The client token was used before"), ResourceIds: exists}
	got, ok := awserr.Conflict(asSDK("RunTask", conflict))
	if diff := cmp.Diff(exists, got); !ok || diff != "" {
		t.Errorf("conflict %v (-want +got):\n%s", ok, diff)
	}
	if got, ok := awserr.Conflict(asSDK("RunTask", client("anything else"))); ok || got != nil {
		t.Errorf("another refusal was taken for a conflict with %v", got)
	}
}
