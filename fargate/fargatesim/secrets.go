package fargatesim

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// secretsOperations is what this Secrets Manager can do: no rotation, no replicas, no resource policies (asked for one,
// it says that there is none).
var secretsOperations = map[string]operation{
	"CreateSecret":      secretOperation((*Server).createSecret),
	"PutSecretValue":    secretOperation((*Server).putSecretValue),
	"UpdateSecret":      secretOperation((*Server).updateSecret),
	"DescribeSecret":    secretOperation((*Server).describeSecret),
	"GetSecretValue":    secretOperation((*Server).getSecretValue),
	"GetResourcePolicy": secretOperation((*Server).getResourcePolicy),
	"ListSecrets":       secretOperation((*Server).listSecrets),
	"DeleteSecret":      secretOperation((*Server).deleteSecret),
	"RestoreSecret":     secretOperation((*Server).restoreSecret),
	"TagResource":       secretOperation((*Server).tagSecret),
	"UntagResource":     secretOperation((*Server).untagSecret),
}

// secretOperation is jsonOperation with the code that Secrets Manager has for a member that breaks the model.
func secretOperation[In, Out any](do func(*Server, *In) (*Out, error)) operation {
	return jsonOperationOf(func(body []byte, into any) error {
		err := decode(body, into)
		if e, ok := err.(*Error); ok && e.Code == "InvalidParameterException" {
			e.Code = "ValidationException"
		}
		return err
	}, do)
}

// secret is a secret from CreateSecret until its recovery window has passed.
type secret struct {
	name, arn            string
	description, kmsKey  *string
	tags                 []smtypes.Tag
	versions             []*secretVersion // by age
	created, changed     time.Time
	accessed             *time.Time // the day
	deleted, disappears  *time.Time // nil: not scheduled for deletion
	deletedWithoutReturn bool       // ForceDeleteWithoutRecovery: only its name lingers
}

// secretVersion is one value of a secret. Staging labels are unique within the secret.
type secretVersion struct {
	id      string
	text    *string
	binary  []byte
	stages  []string
	created time.Time
}

// The staging labels that Secrets Manager itself moves.
const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// Secret is a secret as a test may look at it.
type Secret struct {
	Name, ARN string
	Value     string // of AWSCURRENT
	Tags      map[string]string
	Versions  int
	// Deletion is when the secret was scheduled for deletion; nil: it was not.
	Deletion *time.Time
}

// Secrets returns the secrets that exist by name, those scheduled for deletion included.
func (s *Server) Secrets() []Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetSecrets()
	var all []Secret
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		x := s.secrets[name]
		if x.deletedWithoutReturn {
			continue
		}
		shown := Secret{Name: x.name, ARN: x.arn, Tags: map[string]string{}, Versions: len(x.versions), Deletion: x.deleted}
		for _, tag := range x.tags {
			shown.Tags[*tag.Key] = deref(tag.Value)
		}
		if v := x.staged(stageCurrent); v != nil {
			shown.Value = or(deref(v.text), string(v.binary))
		}
		all = append(all, shown)
	}
	return all
}

// secretARN is a name with the six random characters that make a secret that was deleted and made again another one.
func (s *Server) secretARN(name string) string {
	return s.arn("secretsmanager", "secret:"+name+"-"+randomSuffix())
}

func randomSuffix() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// findSecret finds a secret by name, ARN, or ARN without the random characters; nil: there is none.
func (s *Server) findSecret(id string) *secret {
	s.forgetSecrets()
	name := id
	if strings.HasPrefix(id, "arn:") {
		rest, ours := strings.CutPrefix(id, s.arn("secretsmanager", "secret:"))
		if !ours {
			return nil
		}
		name = rest
		if whole := s.secrets[rest[:max(0, len(rest)-7)]]; whole != nil && whole.arn == id { // seven: "-" and six characters
			return whole.unlessGone()
		}
	}
	return s.secrets[name].unlessGone()
}

// unlessGone hides a secret that was deleted without recovery.
func (x *secret) unlessGone() *secret {
	if x == nil || x.deletedWithoutReturn {
		return nil
	}
	return x
}

// knownSecret is findSecret for those who need one.
func (s *Server) knownSecret(id string) (*secret, error) {
	if x := s.findSecret(id); x != nil {
		return x, nil
	}
	return nil, newError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// usableSecret is one that exists and is not scheduled for deletion.
func (s *Server) usableSecret(id string) (*secret, error) {
	x, err := s.knownSecret(id)
	if err == nil && x.deleted != nil {
		err = invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return x, err
}

func (x *secret) staged(stage string) *secretVersion {
	return x.versionWhere(func(v *secretVersion) bool { return slices.Contains(v.stages, stage) })
}

func (x *secret) version(id string) *secretVersion {
	return x.versionWhere(func(v *secretVersion) bool { return v.id == id })
}

func (x *secret) versionWhere(is func(*secretVersion) bool) *secretVersion {
	if i := slices.IndexFunc(x.versions, is); i >= 0 {
		return x.versions[i]
	}
	return nil
}

// forgetSecrets lets go what has passed its recovery window.
func (s *Server) forgetSecrets() {
	maps.DeleteFunc(s.secrets, func(_ string, x *secret) bool { return x.disappears != nil && !now().Before(*x.disappears) })
}

func invalidRequest(format string, args ...any) error {
	return newError("InvalidRequestException", format, args...)
}
