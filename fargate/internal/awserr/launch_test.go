package awserr_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

func TestLaunching(t *testing.T) {
	failure := func(reason, detail string) error {
		return fmt.Errorf("run task: %w", &awserr.Failure{Reason: reason, Detail: detail})
	}
	for name, c := range map[string]struct {
		reason string // why the row matters
		err    error
		want   awserr.Waiting
	}{
		"no capacity": {"RunTask answers 200 and no task",
			&awserr.Failure{Reason: "Capacity is unavailable at this time. Please try again later or in a different availability zone"},
			awserr.Waiting{Reason: "InsufficientFargateCapacity",
				Message: "Capacity is unavailable at this time. Please try again later or in a different availability zone (AWS has no Fargate capacity left in these subnets' zones; more subnets in other zones help)"}},
		"vCPU quota": {"new accounts have 6 vCPUs or none",
			asSDK("RunTask", client("You've reached the limit on the number of vCPUs you can run concurrently")),
			awserr.Waiting{Reason: "FargateQuotaExceeded",
				Message: "You've reached the limit on the number of vCPUs you can run concurrently (raise the quota 'Fargate On-Demand vCPU resource count' (L-3032A538), or for pods on Spot 'Fargate Spot vCPU resource count' (L-36FBB829), of this account and region)"}},
		"size over the quota": {"one pod larger than all the account may have",
			asSDK("RunTask", client("The requested CPU configuration is above your limit")),
			awserr.Waiting{Reason: "FargateQuotaExceeded",
				Message: "The requested CPU configuration is above your limit (raise the quota 'Fargate On-Demand vCPU resource count' (L-3032A538), or for pods on Spot 'Fargate Spot vCPU resource count' (L-36FBB829), of this account and region)"}},
		"task quota": {"the older quota, counted in tasks",
			asSDK("RunTask", client("You've reached the limit on the number of tasks you can run concurrently")),
			awserr.Waiting{Reason: "FargateQuotaExceeded",
				Message: "You've reached the limit on the number of tasks you can run concurrently (raise the Fargate task quota of this account and region)"}},
		"Spot without its provider": {"a cluster that somebody else made; the message has the command",
			asSDK("RunTask", invalid("The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.")),
			awserr.Waiting{Reason: "SpotNotAssociated",
				Message: "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again (associate it: aws ecs put-cluster-capacity-providers --cluster CLUSTER --capacity-providers FARGATE FARGATE_SPOT --default-capacity-provider-strategy []; or let the pod run on demand)"}},
		"throttle": {"the commonest of all",
			asSDK("RunTask", coded("ThrottlingException", "Rate exceeded")),
			awserr.Waiting{Reason: "FargateThrottled", Message: "Rate exceeded (AWS limits this account's request rate; the launch is repeated)"}},
		"credentials": {"the operator's to mend, and not the pod's fault",
			asSDK("RunTask", coded("ExpiredTokenException", "The security token included in the request is expired")),
			awserr.Waiting{Reason: "AWSCredentialsInvalid",
				Message: "The security token included in the request is expired (AWS does not accept the daemon's credentials)"}},
		"pass role": {"IAM's commonest stumbling block of ECS; the way out differs from other denials",
			asSDK("RunTask", &ecstypes.AccessDeniedException{Message: aws.String("User: arn:aws:sts::1:assumed-role/vk/i-0 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/exec because no identity-based policy allows the iam:PassRole action")}),
			awserr.Waiting{Reason: "RoleNotPassable",
				Message: "User: arn:aws:sts::1:assumed-role/vk/i-0 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/exec because no identity-based policy allows the iam:PassRole action (allow the daemon's role iam:PassRole on it for ecs-tasks.amazonaws.com)"}},
		"denied": {"names the action",
			asSDK("RunTask", &ecstypes.AccessDeniedException{Message: aws.String("User: arn:aws:iam::1:user/vk is not authorized to perform: ecs:RunTask on resource: *")}),
			awserr.Waiting{Reason: "AWSAccessDenied",
				Message: "User: arn:aws:iam::1:user/vk is not authorized to perform: ecs:RunTask on resource: * (allow the daemon's role this action)"}},
		"role that ECS cannot assume": {"a role without the trust policy",
			asSDK("RunTask", client("ECS was unable to assume the role 'arn:aws:iam::1:role/exec' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.")),
			awserr.Waiting{Reason: "RoleNotAssumable",
				Message: "ECS was unable to assume the role 'arn:aws:iam::1:role/exec' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role (its trust policy must name ecs-tasks.amazonaws.com)"}},
		"role that does not exist": {"RegisterTaskDefinition's words for it",
			asSDK("RegisterTaskDefinition", client("Role is not valid")),
			awserr.Waiting{Reason: "RoleNotAssumable", Message: "Role is not valid (its trust policy must name ecs-tasks.amazonaws.com)"}},
		"cluster gone": {"somebody deleted it",
			asSDK("RunTask", &ecstypes.ClusterNotFoundException{Message: aws.String("Cluster not found.")}),
			awserr.Waiting{Reason: "ECSClusterNotFound",
				Message: "Cluster not found (the ECS cluster in fargate.toml is gone; a restart of virtual-kubelet makes it again)"}},
		"platform version": {"a typing error in fargate.toml that only RunTask finds",
			asSDK("RunTask", &ecstypes.PlatformUnknownException{Message: aws.String("The specified platform does not exist.")}),
			awserr.Waiting{Reason: "PlatformVersionUnknown",
				Message: "The specified platform does not exist (PlatformVersion in fargate.toml names no Fargate platform version)"}},
		"account blocked": {"unpaid bills, or an account too new",
			asSDK("RunTask", &ecstypes.BlockedException{Message: aws.String("Your account is currently blocked and cannot launch any Fargate tasks.")}),
			awserr.Waiting{Reason: "AWSAccountBlocked",
				Message: "Your account is currently blocked and cannot launch any Fargate tasks (AWS Support can say why)"}},
		"any other refusal": {"AWS's own words are the best there is",
			asSDK("RunTask", invalid("No Container Instances were found in your cluster.")),
			awserr.Waiting{Reason: "RefusedByECS", Message: "No Container Instances were found in your cluster (ECS does not take this task as it is)"}},
		"any other failure": {"an answer was given: it must not read as if AWS were out of reach",
			failure("RESOURCE:ENI", "no more interfaces"),
			awserr.Waiting{Reason: "FargateLaunchFailed", Message: "RESOURCE:ENI: no more interfaces (ECS started no task; the launch is repeated)"}},
		"a fault inside AWS": {"5xx after the SDK's own retries",
			asSDK("RunTask", &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")}),
			awserr.Waiting{Reason: "FargateLaunchFailed", Message: "ServerException: Service Unavailable. Please try again later"}},
		"no answer": {"the network's own words differ from look to look, so they stay in the log",
			asSDK("RunTask", &smithyhttp.RequestSendError{Err: errors.New("dial tcp 10.0.0.7:443: i/o timeout")}),
			awserr.Waiting{Reason: "AWSUnreachable", Message: "AWS did not answer; the launch is repeated"}},
		"no answer in time": {"a time limit is no answer either",
			asSDK("RunTask", context.DeadlineExceeded),
			awserr.Waiting{Reason: "AWSUnreachable", Message: "AWS did not answer; the launch is repeated"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, awserr.Launching(c.err)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}
