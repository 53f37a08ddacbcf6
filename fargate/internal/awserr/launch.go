package awserr

import (
	"errors"
	"fmt"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Failure is a RunTask that AWS answered with 200 and no task.
type Failure struct {
	Reason, Detail string // AWS's words
}

func (f *Failure) Error() string {
	if f.Detail == "" {
		return f.Reason
	}
	return f.Reason + ": " + f.Detail
}

// Waiting is why a pod is not launched yet, as kubectl shows it.
type Waiting struct {
	Reason  string // CamelCase and stable
	Message string // AWS's own words and a hint, the same on every look
}

// launchRules say what keeps a launch from succeeding; the first that applies counts.
// All of them are retried: an operator can mend every one without touching the pod.
var launchRules = []struct {
	applies func(error) bool
	reason  string
	hint    string
}{
	// Wording of RunTask's failures and of ClientException, ECS developer guide: "API failure reasons".
	{saysAny("Capacity is unavailable"), "InsufficientFargateCapacity", "AWS has no Fargate capacity left in these subnets' zones; more subnets in other zones help"},
	{saysAny("capacity provider that is not associated with the cluster"), "SpotNotAssociated", "associate it: aws ecs put-cluster-capacity-providers --cluster CLUSTER --capacity-providers FARGATE FARGATE_SPOT --default-capacity-provider-strategy []; or let the pod run on demand"},
	{saysAny("limit on the number of vCPUs", "configuration is above your limit"), "FargateQuotaExceeded", "raise the quota 'Fargate On-Demand vCPU resource count' (L-3032A538), or for pods on Spot 'Fargate Spot vCPU resource count' (L-36FBB829), of this account and region"},
	{saysAny("limit on the number of tasks"), "FargateQuotaExceeded", "raise the Fargate task quota of this account and region"},
	{IsThrottle, "FargateThrottled", "AWS limits this account's request rate; the launch is repeated"},
	{IsCredentials, "AWSCredentialsInvalid", "AWS does not accept the daemon's credentials"},
	{saysAny("iam:PassRole"), "RoleNotPassable", "allow the daemon's role iam:PassRole on it for ecs-tasks.amazonaws.com"},
	{IsAccessDenied, "AWSAccessDenied", "allow the daemon's role this action"},
	{saysAny("unable to assume the role", "Role is not valid"), "RoleNotAssumable", "its trust policy must name ecs-tasks.amazonaws.com"},
	{isType[*ecstypes.ClusterNotFoundException], "ECSClusterNotFound", "the ECS cluster in fargate.toml is gone; a restart of virtual-kubelet makes it again"},
	{isType[*ecstypes.PlatformUnknownException], "PlatformVersionUnknown", "PlatformVersion in fargate.toml names no Fargate platform version"},
	{isType[*ecstypes.BlockedException], "AWSAccountBlocked", "AWS Support can say why"},
	{IsRefusal, "RefusedByECS", "ECS does not take this task as it is"},
	{isType[*Failure], "FargateLaunchFailed", "ECS started no task; the launch is repeated"},
}

// Launching explains a failed launch.
func Launching(err error) Waiting {
	for _, rule := range launchRules {
		if rule.applies(err) {
			return Waiting{Reason: rule.reason, Message: sentence(message(err)) + " (" + rule.hint + ")"}
		}
	}
	if Code(err) == "" {
		return Waiting{Reason: "AWSUnreachable", Message: "AWS did not answer; the launch is repeated"}
	}
	return Waiting{Reason: "FargateLaunchFailed", Message: fmt.Sprintf("%s: %s", Code(err), sentence(message(err)))}
}

func saysAny(parts ...string) func(error) bool {
	return func(err error) bool { return containsAny(err.Error(), parts...) }
}

func isType[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func sentence(text string) string { return strings.TrimRight(strings.TrimSpace(text), ".") }
