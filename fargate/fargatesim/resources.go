package fargatesim

import (
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// initialize is what Fargate fetches for a task before it pulls an image. This account has no secrets, parameters,
// buckets and file systems, so a task that names one stops as it does at AWS where that one does not exist; nil:
// it names none. The wordings are those of "ResourceInitializationError" in the developer guide.
func initialize(d *definition) *Error {
	for _, c := range d.ContainerDefinitions {
		secrets := c.Secrets
		if c.LogConfiguration != nil {
			secrets = append(secrets[:len(secrets):len(secrets)], c.LogConfiguration.SecretOptions...)
		}
		switch {
		case c.RepositoryCredentials != nil:
			return noSecret("registry auth from asm")
		case len(secrets) > 0 && strings.Contains(*secrets[0].ValueFrom, ":secretsmanager:"):
			return noSecret("secret from asm")
		case len(secrets) > 0:
			return resourceError("unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: %s", lastPart(*secrets[0].ValueFrom))
		case len(c.EnvironmentFiles) > 0:
			return resourceError("failed to download env files: file download command: non empty error stream: service call has been retried 1 time(s): NoSuchBucket: The specified bucket does not exist")
		}
	}
	return checkFileSystems(d.Volumes)
}

func noSecret(what string) *Error {
	return resourceError("unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve %s: service call has been retried 1 time(s): ResourceNotFoundException: Secrets Manager can't find the specified secret.", what)
}

func checkFileSystems(volumes []ecstypes.Volume) *Error {
	for _, v := range volumes {
		if v.EfsVolumeConfiguration != nil {
			return resourceError("failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve \"%s\" - check that your file system ID is correct", *v.EfsVolumeConfiguration.FileSystemId)
		}
		if v.S3filesVolumeConfiguration != nil {
			return resourceError("failed to set up S3 Files volumes: file system %s does not exist", *v.S3filesVolumeConfiguration.FileSystemArn)
		}
	}
	return nil
}

func resourceError(format string, args ...any) *Error {
	return newError("ResourceInitializationError", format, args...)
}
