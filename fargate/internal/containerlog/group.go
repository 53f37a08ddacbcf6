package containerlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// GroupAPI are the calls that EnsureGroup makes; *cloudwatchlogs.Client has them. Either may be denied.
type GroupAPI interface {
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
}

// EnsureGroup makes the log group where there is none, and reports whether it did. A group that exists is left as it
// is, its retention too. retentionDays is one of the periods that CloudWatch Logs offers (API reference:
// PutRetentionPolicy); 0: for ever.
//
// A *DeniedError names the action that IAM does not allow: of logs:CreateLogGroup it is not known whether the group
// exists, and with logs:PutRetentionPolicy it was created and keeps its lines for ever.
func EnsureGroup(ctx context.Context, api GroupAPI, group string, retentionDays int) (created bool, err error) {
	_, err = api.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	if exists(err) {
		return false, nil
	}
	if err != nil {
		return false, askGroup("logs:CreateLogGroup", group, "unless the group exists; without it no task starts", err)
	}
	if retentionDays == 0 {
		return true, nil
	}
	days := int32(retentionDays)
	_, err = api.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: &days})
	if err != nil {
		return true, askGroup("logs:PutRetentionPolicy", group, "the new group keeps its lines, and costs, for ever", err)
	}
	return true, nil
}

// exists tells whether somebody has made the group before, or is making it at this moment.
func exists(err error) bool {
	var already *logstypes.ResourceAlreadyExistsException
	var aborted *logstypes.OperationAbortedException // "multiple concurrent requests to update the same resource"
	return errors.As(err, &already) || errors.As(err, &aborted)
}

func askGroup(action, group, hint string, err error) error {
	if awserr.IsAccessDenied(err) {
		return &DeniedError{Action: action, Group: group, Hint: hint, Err: err}
	}
	return fmt.Errorf("%s on log group %s: %w", action, group, err)
}
