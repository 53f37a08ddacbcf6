package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// secrets are a container's variables whose values lie in Secrets Manager. The definition says where; the
// execution role reads them when the task starts.
func secrets(env podenv.Container, published map[podenv.Address]podenv.SecretVersion) []ecstypes.Secret {
	var list []ecstypes.Secret
	for _, v := range env.Variables {
		if v.Secret {
			list = append(list, ecstypes.Secret{Name: aws.String(v.Name), ValueFrom: aws.String(valueFrom(published[v.Stored.Address], v.Stored.Key))})
		}
	}
	return list
}

// valueFrom is one key of the JSON object in one version of a secret: ARN:json-key:version-stage:version-id
// (developer guide: "Pass Secrets Manager secrets through Amazon ECS environment variables").
func valueFrom(where podenv.SecretVersion, key string) string {
	return where.ARN + ":" + key + "::" + where.ID
}

// Unpublished returns stand-ins for Input.Secrets. With them Translate tells whether the pod can run before
// anything is published for it, and explain needs no account; what it translates is not for ECS. others are documents
// besides the environment's.
func Unpublished(environment podenv.Environment, others ...podenv.Document) map[podenv.Address]podenv.SecretVersion {
	stand := map[podenv.Address]podenv.SecretVersion{}
	for _, document := range slices.Concat(environment.Secrets(), others) {
		stand[document.Address] = podenv.SecretVersion{ARN: "arn:aws:secretsmanager:REGION:ACCOUNT:secret:" + string(document.Address), ID: "VERSION"}
	}
	return stand
}

// SecretARNs returns which secrets of Secrets Manager the containers of a definition name, sorted, each once.
func SecretARNs(containers []ecstypes.ContainerDefinition) []string {
	const parts = 7 // arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME
	var arns []string
	for _, c := range containers {
		for _, from := range secretReferences(c) {
			if fields := strings.Split(from, ":"); len(fields) >= parts && fields[2] == "secretsmanager" {
				arns = append(arns, strings.Join(fields[:parts], ":"))
			}
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

// secretReferences are all members of a container that name secrets.
func secretReferences(c ecstypes.ContainerDefinition) []string {
	var references []string
	for _, s := range c.Secrets {
		references = append(references, aws.ToString(s.ValueFrom))
	}
	if c.LogConfiguration != nil {
		for _, s := range c.LogConfiguration.SecretOptions {
			references = append(references, aws.ToString(s.ValueFrom))
		}
	}
	if c.RepositoryCredentials != nil {
		references = append(references, aws.ToString(c.RepositoryCredentials.CredentialsParameter))
	}
	return references
}

// ownSecret finds a value that is expanded from a Secret and from what differs between replicas. Overrides
// hold no secrets, so that it needs a definition of the pod's own.
func ownSecret(env podenv.Container) (field string, found bool) {
	for _, v := range env.Variables {
		if v.Secret && v.PerPod {
			return v.Field, true
		}
	}
	return "", false
}
