package fargatesim

import (
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// initialize is what Fargate fetches for a task before it pulls an image: the values of secrets go to its members. This
// account has no parameters, buckets and S3 Files, so a task that names one stops as it does at AWS where that one
// does not exist. nil: it has all it needs. The wordings are those of "ResourceInitializationError" in the developer
// guide. The caller holds mu.
func (s *Server) initialize(t *task) error {
	for _, m := range t.members {
		if r := m.definition.RepositoryCredentials; r != nil {
			auth, err := s.registryAuth(t, *r.CredentialsParameter)
			if err != nil {
				return err
			}
			m.login = auth
		}
		if err := s.fetchSecrets(t, m); err != nil {
			return err
		}
	}
	for _, m := range t.members {
		if len(m.definition.EnvironmentFiles) > 0 {
			return resourceError("failed to download env files: file download command: non empty error stream: service call has been retried 1 time(s): NoSuchBucket: The specified bucket does not exist")
		}
	}
	return checkS3Files(t.definition.Volumes)
}

// fetchSecrets reads the values of a container's secrets, once for the life of the task. Those for its log driver only
// have to be there.
func (s *Server) fetchSecrets(t *task, m *member) error {
	m.secrets = map[string]string{}
	for _, secret := range m.definition.Secrets {
		value, err := s.fetch(t, *secret.ValueFrom)
		if err != nil {
			return err
		}
		m.secrets[*secret.Name] = value
	}
	if l := m.definition.LogConfiguration; l != nil {
		for _, secret := range l.SecretOptions {
			if _, err := s.fetch(t, *secret.ValueFrom); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) fetch(t *task, valueFrom string) (string, error) {
	if !strings.Contains(valueFrom, ":secretsmanager:") {
		return "", resourceError("unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: %s", lastPart(valueFrom))
	}
	value, err := s.secretFor(t, valueFrom)
	if err != nil {
		return "", resourceError("unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): %v", err)
	}
	return value, nil
}

func checkS3Files(volumes []ecstypes.Volume) error {
	for _, v := range volumes {
		if v.S3filesVolumeConfiguration != nil {
			return resourceError("failed to set up S3 Files volumes: file system %s does not exist", *v.S3filesVolumeConfiguration.FileSystemArn)
		}
	}
	return nil
}

func resourceError(format string, args ...any) error {
	return newError("ResourceInitializationError", format, args...)
}
