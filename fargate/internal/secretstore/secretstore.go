// Package secretstore keeps in AWS Secrets Manager the values of Kubernetes Secrets that tasks need.
//
// A document (podenv.Document) becomes one secret, named vk/CLUSTER8-NODE8/ADDRESS. The address says which
// version of which Kubernetes Secret the values come from, so a secret is written once and never changed:
// whoever finds it there uses it, and a Kubernetes Secret that changes becomes another one. What was
// published is remembered for a while, and one publication serves all launches that wait for it.
//
// A secret counts as ours if it carries the owner's tag and its current version is the one that we wrote;
// anything else under the name, be it put there or edited by hand, is left alone and passed over for the
// next name (ADDRESS/2 and so on). So is a name that a deleted secret still holds. Definitions name the version, so
// that an edit between two looks is not used either.
//
// A token, whose content passes while its ARN must stay, is written in its place (Renew); definitions name no version of it.
//
// The package never reads a value back, never logs, and shows no value in an error.
package secretstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"golang.org/x/sync/singleflight"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// tagOwner says whose a secret is: the startedBy of the owner's tasks. Its value is what IAM policies and
// the sweep go by.
const tagOwner = podid.AnnotationPrefix + "started-by"

// recheck is how long a secret is taken to be there without another look. One that was deleted behind our
// back is noticed after that, while its pods wait.
const recheck = 5 * time.Minute

// API is what a Store asks of Secrets Manager; *secretsmanager.Client satisfies it.
type API interface {
	CreateSecret(context.Context, *secretsmanager.CreateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error)
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	RestoreSecret(context.Context, *secretsmanager.RestoreSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.RestoreSecretOutput, error)
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
	DeleteSecret(context.Context, *secretsmanager.DeleteSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DeleteSecretOutput, error)
}

// Store publishes documents and sweeps away those that nobody needs. Its methods may be called at once.
type Store struct {
	api    API
	prefix string // of all our names
	owner  string // value of tagOwner
	tags   []smtypes.Tag
	flight singleflight.Group // one publication an address

	mu      sync.Mutex                 // guards all below
	known   map[podenv.Address]known   // where the documents are
	passing map[podenv.Address]renewed // where contents are that Renew keeps
	unused  map[string]time.Time       // by ARN: since when nobody named the secret, as far as looks tell
	gone    map[string]bool            // by ARN: deleted, or about to be: never given out again
}

type known struct {
	where podenv.SecretVersion
	seen  time.Time
}

// New returns a Store for one owner. The operator's tags are put on each secret; they must leave room for ours.
func New(api API, owner podid.Owner, operators map[string]string) *Store {
	part := strings.TrimSuffix(strings.TrimPrefix(owner.FamilyPrefix(), "vk-"), "-")
	return &Store{
		api: api, prefix: "vk/" + part + "/", owner: owner.StartedBy(), tags: tags(owner.StartedBy(), operators),
		known: map[podenv.Address]known{}, passing: map[podenv.Address]renewed{}, unused: map[string]time.Time{}, gone: map[string]bool{},
	}
}

func tags(owner string, operators map[string]string) []smtypes.Tag {
	all := maps.Clone(operators)
	if all == nil {
		all = map[string]string{}
	}
	all[tagOwner] = owner
	var list []smtypes.Tag
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, smtypes.Tag{Key: aws.String(key), Value: aws.String(all[key])})
	}
	return list
}

// isOurs tells whether a secret with these tags belongs to the owner.
func (s *Store) isOurs(tags []smtypes.Tag) bool {
	return slices.ContainsFunc(tags, func(tag smtypes.Tag) bool {
		return aws.ToString(tag.Key) == tagOwner && aws.ToString(tag.Value) == s.owner
	})
}

// version is the ID of the one version that a secret of ours has: 64 hex digits, made of its name.
func version(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}
