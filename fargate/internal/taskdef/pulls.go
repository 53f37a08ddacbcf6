package taskdef

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
)

const (
	fieldPull = "spec.imagePullSecrets"

	ecrAlone    = "images of private Amazon ECR registries are pulled by the task's execution role, and this node has none"
	setPullRole = "set ExecutionRoleArn in fargate.toml to a role that may pull them"
)

// repositoryCredentials says where the credentials for an image are. ECS takes a secret's whole ARN or its
// name there, and neither a key nor a version (API reference: RepositoryCredentials), so that its current version
// counts. That is the one we wrote: secretstore gives out no other, and looks again every few minutes.
func repositoryCredentials(in Input, image string) *ecstypes.RepositoryCredentials {
	address, ok := in.Pulls.Of(image)
	if !ok {
		return nil
	}
	return &ecstypes.RepositoryCredentials{CredentialsParameter: aws.String(in.Secrets[address].ARN)}
}

var pullRules = []rule{
	quiet(fieldPull, Mapped, "repository credentials of the containers, chosen as kubelet does: they reach ECS through AWS Secrets Manager, read by the execution role; images of private Amazon ECR registries need none, for the execution role pulls them"),
	loud(fieldPull, "with credentials for an image, without ExecutionRoleArn in fargate.toml", Refused, "credentials of registries are read by the task's execution role, and this node has none", "set ExecutionRoleArn in fargate.toml to a role that may read secrets of this node", onPulledImages(func(in Input, image string) bool {
		_, private := in.Pulls.Of(image)
		return private && in.Settings.ExecutionRoleARN == ""
	})),
	loud(fieldPull, "with nothing but an identity or registry token for an image", Warned, "ECS logs in with user name and password, so that the image is pulled without credentials", "put a user name and a password, or an access token as password, into the Secret", onPulledImages(func(in Input, image string) bool {
		return in.Pulls.TokenOnly(image)
	})),
}

// ruleECR is about images that the execution role pulls.
var ruleECR = loud("spec.containers[].image", "of a private Amazon ECR registry, "+noRole, Refused, ecrAlone, setPullRole, inContainers(func(in Input, c *corev1.Container) []hit {
	if in.Settings.ExecutionRoleARN == "" && pullsecret.IsPrivateECR(c.Image) {
		return []hit{{}}
	}
	return nil
}))

// onPulledImages finds the images that the condition holds for.
func onPulledImages(holds func(Input, string) bool) func(Input) []hit {
	return func(in Input) []hit {
		return details(slices.DeleteFunc(pullsecret.Images(in.Pod), func(image string) bool { return !holds(in, image) }))
	}
}
