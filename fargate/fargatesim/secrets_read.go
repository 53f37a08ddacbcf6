package fargatesim

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func (s *Server) describeSecret(in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	x, err := s.knownSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	return &secretsmanager.DescribeSecretOutput{
		ARN: &x.arn, Name: &x.name, Description: x.description, KmsKeyId: x.kmsKey, Tags: mergeTags(secretTag, x.tags),
		CreatedDate: &x.created, LastChangedDate: &x.changed, LastAccessedDate: x.accessed, DeletedDate: x.deleted,
		VersionIdsToStages: x.stages(),
	}, nil
}

func (x *secret) stages() map[string][]string {
	stages := map[string][]string{}
	for _, v := range x.versions {
		if len(v.stages) > 0 {
			stages[v.id] = slices.Clone(v.stages)
		}
	}
	return stages
}

func (s *Server) getSecretValue(in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	x, err := s.usableSecret(*in.SecretId)
	if err != nil {
		return nil, err
	}
	v, err := x.chosen(deref(in.VersionStage), deref(in.VersionId))
	if err != nil {
		return nil, err
	}
	return &secretsmanager.GetSecretValueOutput{ARN: &x.arn, Name: &x.name, VersionId: &v.id, VersionStages: slices.Clone(v.stages),
		SecretString: v.text, SecretBinary: v.binary, CreatedDate: &v.created}, nil
}

// getResourcePolicy finds no policy on any secret: nothing here attaches one.
func (s *Server) getResourcePolicy(in *secretsmanager.GetResourcePolicyInput) (*secretsmanager.GetResourcePolicyOutput, error) {
	x, err := s.usableSecret(*in.SecretId) // API reference: GetResourcePolicy, of one that is scheduled for deletion
	if err != nil {
		return nil, err
	}
	return &secretsmanager.GetResourcePolicyOutput{ARN: &x.arn, Name: &x.name}, nil
}

// chosen is the version of that label and ID; where both are empty, that of AWSCURRENT. It notes the access.
func (x *secret) chosen(stage, id string) (*secretVersion, error) {
	if stage == "" && id == "" {
		stage = stageCurrent
	}
	v := x.version(id)
	if id == "" {
		v = x.staged(stage)
	}
	switch {
	case v == nil && id != "":
		return nil, newError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	case v == nil:
		return nil, newError("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
	case stage != "" && !slices.Contains(v.stages, stage):
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	x.accessed = ptr(now().UTC().Truncate(day))
	return v, nil
}

// listSecrets shows neither secrets younger than Lag.List nor, unless asked to, those scheduled for deletion.
func (s *Server) listSecrets(in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	if err := checkSecretFilters(in); err != nil {
		return nil, err
	}
	s.forgetSecrets()
	var keys []string
	for _, x := range s.secrets {
		shown := !x.deletedWithoutReturn && (x.deleted == nil || deref(in.IncludePlannedDeletion)) && now().Sub(x.created) >= s.config.Lag.List
		if shown && !slices.ContainsFunc(in.Filters, func(f smtypes.Filter) bool { return !x.passes(f) }) {
			keys = append(keys, x.sortKey(in.SortBy))
		}
	}
	compare := byName
	if in.SortOrder == smtypes.SortOrderTypeDesc {
		compare = func(a, b string) int { return byName(b, a) }
	}
	if token := deref(in.NextToken); in.NextToken != nil {
		if _, err := base64.RawURLEncoding.DecodeString(token); err != nil || token == "" {
			return nil, newError("InvalidNextTokenException", "Invalid token.")
		}
	}
	keys, next, err := page(keys, compare, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, validationException("1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value between 1 and 100")
	}
	out := &secretsmanager.ListSecretsOutput{SecretList: []smtypes.SecretListEntry{}, NextToken: next}
	for _, key := range keys {
		out.SecretList = append(out.SecretList, s.secrets[key[strings.LastIndexByte(key, ' ')+1:]].listed())
	}
	return out, nil
}

// sortKey is what a secret is sorted by, and its name, which has no space.
func (x *secret) sortKey(by smtypes.SortByType) string {
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") + " " + x.name }
	switch by {
	case smtypes.SortByTypeName:
		return " " + x.name
	case smtypes.SortByTypeLastChangedDate:
		return at(x.changed)
	case smtypes.SortByTypeLastAccessedDate:
		return at(deref(x.accessed))
	}
	return at(x.created)
}

func (x *secret) listed() smtypes.SecretListEntry {
	return smtypes.SecretListEntry{
		ARN: &x.arn, Name: &x.name, Description: x.description, KmsKeyId: x.kmsKey, Tags: mergeTags(secretTag, x.tags),
		CreatedDate: &x.created, LastChangedDate: &x.changed, LastAccessedDate: x.accessed, DeletedDate: x.deleted,
		SecretVersionsToStages: x.stages(),
	}
}

// filterValue is what a filter may look for (API model: FilterValueStringType).
var filterValue = regexp.MustCompile(`^!?[a-zA-Z0-9 :_@/+=.\-!]*$`)

func checkSecretFilters(in *secretsmanager.ListSecretsInput) error {
	if len(in.Filters) > 10 { // API model: FiltersListType
		return validationException("1 validation error detected: Value at 'filters' failed to satisfy constraint: Member must have length less than or equal to 10")
	}
	for _, f := range in.Filters {
		switch {
		case f.Key == "":
			return invalidParameter("You must provide the key of a filter.")
		case len(f.Values) == 0 || len(f.Values) > 10: // API model: FilterValuesStringList
			return validationException("1 validation error detected: Value at 'filters.values' failed to satisfy constraint: Member must have length between 1 and 10")
		case slices.ContainsFunc(f.Values, func(v string) bool { return len(v) > 512 || !filterValue.MatchString(v) }):
			return validationException("1 validation error detected: Value at 'filters.values' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", filterValue)
		}
	}
	return nil
}

// passes reports whether one of the values of a filter fits; a ! in front of a value turns it round.
func (x *secret) passes(f smtypes.Filter) bool {
	return slices.ContainsFunc(f.Values, func(v string) bool {
		wanted, not := strings.CutPrefix(v, "!")
		return x.fits(f.Key, wanted) != not
	})
}

// fits compares as the API reference says (Filter): the beginning, in its case but for descriptions; "all" looks for
// each word anywhere, in any case. No secret here has another region or an owning service.
func (x *secret) fits(key smtypes.FilterNameStringType, value string) bool {
	texts := map[smtypes.FilterNameStringType][]string{
		smtypes.FilterNameStringTypeName:        {x.name},
		smtypes.FilterNameStringTypeDescription: {strings.ToLower(deref(x.description))},
	}
	for _, tag := range x.tags {
		texts[smtypes.FilterNameStringTypeTagKey] = append(texts[smtypes.FilterNameStringTypeTagKey], *tag.Key)
		texts[smtypes.FilterNameStringTypeTagValue] = append(texts[smtypes.FilterNameStringTypeTagValue], deref(tag.Value))
	}
	switch key {
	case smtypes.FilterNameStringTypeAll:
		var all []string
		for _, of := range texts {
			all = append(all, of...)
		}
		everything := strings.ToLower(strings.Join(all, "\n"))
		return !slices.ContainsFunc(strings.Fields(strings.ToLower(value)), func(word string) bool { return !strings.Contains(everything, word) })
	case smtypes.FilterNameStringTypeDescription:
		value = strings.ToLower(value)
	}
	return slices.ContainsFunc(texts[key], func(text string) bool { return strings.HasPrefix(text, value) })
}
