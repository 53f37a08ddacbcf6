package secretstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

type options = func(*secretsmanager.Options)

// fakeManager keeps secrets as Secrets Manager does. Each call takes a tenth of a second.
type fakeManager struct {
	mu      sync.Mutex         // guards all below
	secrets map[string]*secret // by name
	made    int
	calls   map[string]int   // by operation
	wrong   map[string]error // by operation: what it answers instead
	during  func(operation string)
}

type secret struct {
	name, arn, value, version string
	tags                      []smtypes.Tag
	deleted                   *time.Time // scheduled for deletion
	forced                    bool       // deleted without recovery: only its name lingers
}

func newFake() *fakeManager {
	return &fakeManager{secrets: map[string]*secret{}, calls: map[string]int{}, wrong: map[string]error{}}
}

// begin counts a call and returns with mu held, unless the call goes wrong.
func (f *fakeManager) begin(ctx context.Context, operation string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond): // of the clock of testing/synctest
	}
	if f.during != nil {
		f.during(operation)
	}
	f.mu.Lock()
	f.calls[operation]++
	if err := f.wrong[operation]; err != nil {
		f.mu.Unlock()
		return err
	}
	return nil
}

func (f *fakeManager) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, _ ...options) (*secretsmanager.CreateSecretOutput, error) {
	if err := f.begin(ctx, "Create"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if held := f.secrets[*in.Name]; held != nil {
		if held.deleted != nil || held.forced {
			return nil, &smtypes.InvalidRequestException{Message: aws.String("You can't create this secret because a secret with this name is already scheduled for deletion.")}
		}
		if held.version == aws.ToString(in.ClientRequestToken) && held.value == *in.SecretString { // SDK doc of CreateSecretInput: the request is ignored
			return &secretsmanager.CreateSecretOutput{ARN: &held.arn, Name: in.Name, VersionId: in.ClientRequestToken}, nil
		}
		return nil, &smtypes.ResourceExistsException{Message: aws.String("The operation failed because the secret " + *in.Name + " already exists.")}
	}
	f.made++
	version := aws.ToString(in.ClientRequestToken)
	if version == "" { // the SDK fills one in
		version = fmt.Sprintf("version-%d", f.made)
	}
	arn := fmt.Sprintf("arn:aws:secretsmanager:eu-west-1:123456789012:secret:%s-%06d", *in.Name, f.made)
	f.secrets[*in.Name] = &secret{name: *in.Name, arn: arn, value: *in.SecretString, version: version, tags: in.Tags}
	return &secretsmanager.CreateSecretOutput{ARN: &arn, Name: in.Name, VersionId: &version}, nil
}

func (f *fakeManager) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, _ ...options) (*secretsmanager.DescribeSecretOutput, error) {
	if err := f.begin(ctx, "Describe"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	s := f.find(*in.SecretId)
	if s == nil {
		return nil, notFound()
	}
	return &secretsmanager.DescribeSecretOutput{ARN: &s.arn, Name: &s.name, Tags: s.tags, DeletedDate: s.deleted,
		VersionIdsToStages: map[string][]string{s.version: {"AWSCURRENT"}}}, nil
}

func (f *fakeManager) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, _ ...options) (*secretsmanager.PutSecretValueOutput, error) {
	if err := f.begin(ctx, "Put"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	s := f.find(*in.SecretId)
	if s == nil {
		return nil, notFound()
	}
	f.made++
	s.value, s.version = *in.SecretString, fmt.Sprintf("version-%d", f.made)
	return &secretsmanager.PutSecretValueOutput{ARN: &s.arn, Name: &s.name, VersionId: &s.version}, nil
}

func (f *fakeManager) RestoreSecret(ctx context.Context, in *secretsmanager.RestoreSecretInput, _ ...options) (*secretsmanager.RestoreSecretOutput, error) {
	if err := f.begin(ctx, "Restore"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	s := f.find(*in.SecretId)
	if s == nil {
		return nil, notFound()
	}
	s.deleted = nil
	return &secretsmanager.RestoreSecretOutput{ARN: &s.arn, Name: &s.name}, nil
}

func (f *fakeManager) DeleteSecret(ctx context.Context, in *secretsmanager.DeleteSecretInput, _ ...options) (*secretsmanager.DeleteSecretOutput, error) {
	if err := f.begin(ctx, "Delete"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	s := f.find(*in.SecretId)
	if s == nil {
		return nil, notFound()
	}
	if !aws.ToBool(in.ForceDeleteWithoutRecovery) {
		s.deleted = aws.Time(time.Now())
	}
	s.forced = aws.ToBool(in.ForceDeleteWithoutRecovery)
	return &secretsmanager.DeleteSecretOutput{ARN: &s.arn, Name: &s.name}, nil
}

func (f *fakeManager) ListSecrets(ctx context.Context, in *secretsmanager.ListSecretsInput, _ ...options) (*secretsmanager.ListSecretsOutput, error) {
	if err := f.begin(ctx, "List"); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	const page = 2
	var list []smtypes.SecretListEntry
	for _, name := range f.names() {
		s := f.secrets[name]
		if s.deleted == nil && strings.HasPrefix(name, in.Filters[0].Values[0]) && name > aws.ToString(in.NextToken) {
			list = append(list, smtypes.SecretListEntry{ARN: &s.arn, Name: &s.name, Tags: s.tags})
		}
	}
	out := &secretsmanager.ListSecretsOutput{SecretList: list}
	if len(list) > page {
		out.SecretList, out.NextToken = list[:page], list[page-1].Name
	}
	return out, nil
}

func notFound() error {
	return &smtypes.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
}

// find finds a secret that was not deleted for good, by name or ARN.
func (f *fakeManager) find(id string) *secret {
	for _, s := range f.secrets {
		if (s.name == id || s.arn == id) && !s.forced {
			return s
		}
	}
	return nil
}

// names are those of all secrets that were not deleted for good, sorted.
func (f *fakeManager) names() []string {
	var names []string
	for name, s := range f.secrets {
		if !s.forced {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (f *fakeManager) left() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names()
}

// put places a secret there by other hands than ours.
func (f *fakeManager) put(s secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secrets[s.name] = &s
}

// change does something to a secret behind our back.
func (f *fakeManager) change(name string, how func(*secret)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(f.secrets[name])
}

// count returns how often an operation was called, and begins anew.
func (f *fakeManager) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.calls[operation]
	f.calls[operation] = 0
	return n
}

func (f *fakeManager) setWrong(operation string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong[operation] = err
}
