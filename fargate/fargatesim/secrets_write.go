package fargatesim

import (
	"bytes"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// value is what a request gives a secret under a token of its own: the ID of the version to be.
type value struct {
	token  *string
	text   *string
	binary []byte
}

func (v value) isGiven() bool { return v.text != nil || v.binary != nil }

func (s *Server) createSecret(in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	given := value{in.ClientRequestToken, in.SecretString, in.SecretBinary}
	for _, err := range []error{checkSecretName(*in.Name), checkSecretTags(in.Tags), checkDescription(in.Description), given.check(false)} {
		if err != nil {
			return nil, err
		}
	}
	if len(in.AddReplicaRegions) > 0 || in.ForceOverwriteReplicaSecret || in.Type != nil {
		return nil, invalidRequest("This Secrets Manager has no replicas and no managed external secrets.")
	}
	s.forgetSecrets()
	x := s.secrets[*in.Name]
	if x != nil {
		return x.createdAgain(given)
	}
	x = &secret{name: *in.Name, arn: s.secretARN(*in.Name), description: in.Description, kmsKey: in.KmsKeyId,
		tags: mergeTags(secretTag, in.Tags), created: now(), changed: now()}
	s.secrets[x.name] = x
	out := &secretsmanager.CreateSecretOutput{ARN: &x.arn, Name: &x.name}
	if given.isGiven() {
		out.VersionId = &x.add(given, []string{stageCurrent}).id
	}
	return out, nil
}

// createdAgain answers CreateSecret for a name that is taken: the same request again is no error.
func (x *secret) createdAgain(given value) (*secretsmanager.CreateSecretOutput, error) {
	if x.deleted != nil {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if v := x.version(deref(given.token)); v != nil && v.holds(given) {
		return &secretsmanager.CreateSecretOutput{ARN: &x.arn, Name: &x.name, VersionId: &v.id}, nil
	}
	return nil, newError("ResourceExistsException", "The operation failed because the secret %s already exists.", x.name)
}

// add makes a version and moves the labels to it. What loses AWSCURRENT becomes AWSPREVIOUS; a version without a
// label is deprecated, and goes.
func (x *secret) add(given value, stages []string) *secretVersion {
	if slices.Contains(stages, stageCurrent) {
		if former := x.staged(stageCurrent); former != nil {
			x.unstage([]string{stagePrevious})
			former.stages = append(former.stages, stagePrevious)
		}
	}
	x.unstage(stages)
	v := &secretVersion{id: *given.token, text: given.text, binary: given.binary, stages: slices.Clone(stages), created: now()}
	x.versions = slices.DeleteFunc(x.versions, func(v *secretVersion) bool { return len(v.stages) == 0 })
	x.versions = append(x.versions, v)
	x.changed = now()
	return v
}

func (x *secret) unstage(stages []string) {
	for _, v := range x.versions {
		v.stages = slices.DeleteFunc(v.stages, func(stage string) bool { return slices.Contains(stages, stage) })
	}
}

func (v *secretVersion) holds(given value) bool {
	return deref(v.text) == deref(given.text) && bytes.Equal(v.binary, given.binary)
}

func (s *Server) putSecretValue(in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	given := value{in.ClientRequestToken, in.SecretString, in.SecretBinary}
	if err := given.check(true); err != nil {
		return nil, err
	}
	x, err := s.usableSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	stages := in.VersionStages
	if stages == nil {
		stages = []string{stageCurrent}
	}
	if len(stages) == 0 || len(stages) > 20 { // API reference: PutSecretValue
		return nil, validationException("A version has 1 to 20 staging labels.")
	}
	v, err := x.put(given, stages)
	if err != nil {
		return nil, err
	}
	return &secretsmanager.PutSecretValueOutput{ARN: &x.arn, Name: &x.name, VersionId: &v.id, VersionStages: slices.Clone(v.stages)}, nil
}

// put is add for a token that may have been used: for the same value that is no error, for another one it is.
func (x *secret) put(given value, stages []string) (*secretVersion, error) {
	switch v := x.version(*given.token); {
	case v == nil:
		return x.add(given, stages), nil
	case v.holds(given):
		return v, nil
	}
	return nil, newError("ResourceExistsException",
		"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", *given.token, x.arn)
}

func (s *Server) updateSecret(in *secretsmanager.UpdateSecretInput) (*secretsmanager.UpdateSecretOutput, error) {
	given := value{in.ClientRequestToken, in.SecretString, in.SecretBinary}
	for _, err := range []error{given.check(false), checkDescription(in.Description)} {
		if err != nil {
			return nil, err
		}
	}
	x, err := s.usableSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.UpdateSecretOutput{ARN: &x.arn, Name: &x.name}
	if given.isGiven() {
		v, err := x.put(given, []string{stageCurrent})
		if err != nil {
			return nil, err
		}
		out.VersionId = &v.id
	}
	x.description, x.kmsKey, x.changed = or(in.Description, x.description), or(in.KmsKeyId, x.kmsKey), now()
	return out, nil
}

const day = 24 * time.Hour

// deleteSecret schedules the end of a secret. Without recovery it is asynchronous: the name stays taken for Lag.Secrets.
func (s *Server) deleteSecret(in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	forced := deref(in.ForceDeleteWithoutRecovery)
	window := deref(or(in.RecoveryWindowInDays, ptr[int64](30)))
	switch {
	case forced && in.RecoveryWindowInDays != nil:
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case window < 7 || window > 30: // API reference: DeleteSecret
		return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	x, err := s.knownSecret(*in.SecretId)
	switch {
	case err != nil && forced: // API reference: DeleteSecret, of a secret that does not exist
		return &secretsmanager.DeleteSecretOutput{ARN: in.SecretId, Name: in.SecretId, DeletionDate: ptr(now())}, nil
	case err != nil:
		return nil, err
	case x.deleted != nil && !forced:
		return nil, invalidRequest("You can't perform this operation on the secret because it was already scheduled for deletion.")
	}
	x.deleted, x.disappears, x.deletedWithoutReturn = ptr(now()), ptr(now().Add(time.Duration(window)*day)), forced
	if forced {
		x.disappears = ptr(now().Add(s.config.Lag.Secrets))
		return &secretsmanager.DeleteSecretOutput{ARN: &x.arn, Name: &x.name, DeletionDate: ptr(now())}, nil
	}
	return &secretsmanager.DeleteSecretOutput{ARN: &x.arn, Name: &x.name, DeletionDate: ptr(*x.disappears)}, nil
}

func (s *Server) restoreSecret(in *secretsmanager.RestoreSecretInput) (*secretsmanager.RestoreSecretOutput, error) {
	x, err := s.knownSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	x.deleted, x.disappears = nil, nil
	return &secretsmanager.RestoreSecretOutput{ARN: &x.arn, Name: &x.name}, nil
}

func (s *Server) tagSecret(in *secretsmanager.TagResourceInput) (*secretsmanager.TagResourceOutput, error) {
	x, err := s.usableSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	merged := mergeTags(secretTag, x.tags, in.Tags)
	for _, tags := range [][]smtypes.Tag{in.Tags, merged} {
		if err := checkSecretTags(tags); err != nil {
			return nil, err
		}
	}
	x.tags, x.changed = merged, now() // SDK doc of DescribeSecretOutput: modified in any way
	return &secretsmanager.TagResourceOutput{}, nil
}

func (s *Server) untagSecret(in *secretsmanager.UntagResourceInput) (*secretsmanager.UntagResourceOutput, error) {
	x, err := s.usableSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	x.tags = slices.DeleteFunc(slices.Clone(x.tags), func(t smtypes.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	x.changed = now()
	return &secretsmanager.UntagResourceOutput{}, nil
}
