package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
)

// secrets are a container's variables whose values lie in Secrets Manager. The definition says where; the
// execution role reads them when the task starts.
func secrets(env podenv.Container, in Input) []ecstypes.Secret {
	var list []ecstypes.Secret
	for _, v := range env.Variables {
		if v.Secret {
			list = append(list, secret(v.Name, v.Stored, in))
		}
	}
	return list
}

func secret(name string, stored podenv.Stored, in Input) ecstypes.Secret {
	return ecstypes.Secret{Name: aws.String(name), ValueFrom: aws.String(valueFrom(in.Secrets[stored.Address], stored.Key))}
}

// valueFrom is one key of the JSON object in one version of a secret: ARN:json-key:version-stage:version-id
// (developer guide: "Pass Secrets Manager secrets through Amazon ECS environment variables"). Without a version it is
// the newest.
func valueFrom(where podenv.SecretVersion, key string) string {
	return where.ARN + ":" + key + "::" + where.ID
}

// Unpublished returns stand-ins for Input.Secrets. With them Translate tells whether the pod can run before
// anything is published for it, and explain needs no account; what it translates is not for ECS.
func Unpublished(documents []podenv.Document, tokens []podfile.Token) map[podenv.Address]podenv.SecretVersion {
	stand := map[podenv.Address]podenv.SecretVersion{}
	arn := func(address podenv.Address) string {
		return "arn:aws:secretsmanager:REGION:ACCOUNT:secret:" + string(address)
	}
	for _, document := range documents {
		stand[document.Address] = podenv.SecretVersion{ARN: arn(document.Address), ID: "VERSION"}
	}
	for _, token := range tokens {
		stand[token.Stored.Address] = podenv.SecretVersion{ARN: arn(token.Stored.Address)}
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
