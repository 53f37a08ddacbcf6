package fargatesim_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// keep makes a secret and returns its ARN.
func (a account) keep(name, value string, tags ...smtypes.Tag) string {
	a.t.Helper()
	out, err := a.secrets.CreateSecret(a.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value, Tags: tags})
	if err != nil {
		a.t.Fatalf("CreateSecret %s: %v", name, err)
	}
	return *out.ARN
}

func (a account) value(id string) (string, error) {
	out, err := a.secrets.GetSecretValue(a.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

func TestASecretsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{})
		arn := a.keep("vk/db", "one", smtypes.Tag{Key: aws.String("owner"), Value: aws.String("node")})
		if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:123456789012:secret:vk/db-[A-Za-z0-9]{6}$`).MatchString(arn) {
			t.Errorf("ARN: %s", arn)
		}
		for _, id := range []string{"vk/db", arn, strings.TrimSuffix(arn, arn[len(arn)-7:])} {
			if got, err := a.value(id); got != "one" || err != nil {
				t.Errorf("%s: %q, %v", id, got, err)
			}
		}
		put, err := a.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &arn, SecretString: aws.String("two")})
		if err != nil {
			t.Fatal(err)
		}
		previous, err := a.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionStage: aws.String("AWSPREVIOUS")})
		if err != nil || *previous.SecretString != "one" {
			t.Errorf("AWSPREVIOUS: %v, %v", previous, err)
		}
		want := []fargatesim.Secret{{Name: "vk/db", ARN: arn, Value: "two", Tags: map[string]string{"owner": "node"}, Versions: 2}}
		if diff := cmp.Diff(want, a.Secrets()); diff != "" {
			t.Errorf("want - got +\n%s", diff)
		}
		described, err := a.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &arn})
		if err != nil || described.VersionIdsToStages[*put.VersionId][0] != "AWSCURRENT" {
			t.Errorf("DescribeSecret: %v, %v", described, err)
		}

		deleted, err := a.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &arn, RecoveryWindowInDays: aws.Int64(7)})
		if err != nil || !deleted.DeletionDate.Equal(time.Now().Add(7*24*time.Hour)) {
			t.Errorf("DeleteSecret: %v, %v", deleted, err)
		}
		if _, err := a.value(arn); code(err) != "InvalidRequestException" {
			t.Errorf("read while it is scheduled for deletion: %v", err)
		}
		if _, err := a.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("vk/db"), SecretString: aws.String("x")}); code(err) != "InvalidRequestException" {
			t.Errorf("the name of one scheduled for deletion: %v", err)
		}
		if _, err := a.secrets.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &arn}); err != nil {
			t.Error(err)
		}
		if got, _ := a.value(arn); got != "two" {
			t.Errorf("restored: %q", got)
		}
		_, _ = a.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &arn})
		time.Sleep(30 * 24 * time.Hour)
		if _, err := a.value(arn); code(err) != "ResourceNotFoundException" {
			t.Errorf("after the window: %v", err)
		}
		if again := a.keep("vk/db", "three"); again == arn {
			t.Error("a secret made again has another ARN")
		}
	})
}

func TestASecretIsChangedByItsTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{})
		arn := aws.String(a.keep("vk/db", "one"))
		for what, change := range map[string]func() error{
			"a tag more": func() error {
				_, err := a.secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: arn, Tags: []smtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
				return err
			},
			"a tag less": func() error {
				_, err := a.secrets.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: arn, TagKeys: []string{"a"}})
				return err
			},
		} {
			time.Sleep(time.Hour)
			if err := change(); err != nil {
				t.Error(err)
			}
			described, err := a.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: arn})
			if err != nil || !described.LastChangedDate.Equal(time.Now()) {
				t.Errorf("%s: %v, %v", what, err, described.LastChangedDate)
			}
		}
		policy, err := a.secrets.GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: arn})
		if err != nil || *policy.Name != "vk/db" || policy.ResourcePolicy != nil {
			t.Errorf("GetResourcePolicy: %v, %+v", err, policy)
		}
	})
}

func TestForcedDeletionIsAsynchronous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Lag: fargatesim.Lag{Secrets: time.Minute}})
		arn := a.keep("vk/db", "one")
		force := &secretsmanager.DeleteSecretInput{SecretId: &arn, ForceDeleteWithoutRecovery: aws.Bool(true)}
		for range 2 { // of one that is gone: no error
			if _, err := a.secrets.DeleteSecret(t.Context(), force); err != nil {
				t.Error(err)
			}
		}
		if _, err := a.value(arn); code(err) != "ResourceNotFoundException" || len(a.Secrets()) != 0 {
			t.Errorf("it is gone at once: %v, %v", err, a.Secrets())
		}
		create := &secretsmanager.CreateSecretInput{Name: aws.String("vk/db"), SecretString: aws.String("two")}
		if _, err := a.secrets.CreateSecret(t.Context(), create); code(err) != "InvalidRequestException" {
			t.Errorf("its name is taken for a while: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := a.secrets.CreateSecret(t.Context(), create); err != nil {
			t.Error(err)
		}
	})
}

func TestRefusedSecrets(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.keep("taken", "one")
	a.keep("leaving", "one")
	leaving := &secretsmanager.DeleteSecretInput{SecretId: aws.String("leaving")}
	if _, err := a.secrets.DeleteSecret(t.Context(), leaving); err != nil {
		t.Fatal(err)
	}
	token := aws.String("0123456789abcdef0123456789abcdef")
	for range 2 { // the same request again is no error
		if _, err := a.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("again"), SecretString: aws.String("v"), ClientRequestToken: token}); err != nil {
			t.Error(err)
		}
	}
	create := func(change func(*secretsmanager.CreateSecretInput)) func() error {
		in := &secretsmanager.CreateSecretInput{Name: aws.String("new"), SecretString: aws.String("v")}
		change(in)
		return func() error { _, err := a.secrets.CreateSecret(t.Context(), in); return err }
	}
	remove := func(in secretsmanager.DeleteSecretInput) func() error {
		in.SecretId = aws.String("taken")
		return func() error { _, err := a.secrets.DeleteSecret(t.Context(), &in); return err }
	}
	put := func(id, value string, token *string) func() error {
		in := &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: &value, ClientRequestToken: token}
		return func() error { _, err := a.secrets.PutSecretValue(t.Context(), in); return err }
	}
	for why, row := range map[string]struct {
		do   func() error
		code string
	}{
		"a name that is taken":      {create(func(in *secretsmanager.CreateSecretInput) { in.Name = aws.String("taken") }), "ResourceExistsException"},
		"a name with a space":       {create(func(in *secretsmanager.CreateSecretInput) { in.Name = aws.String("a b") }), "ValidationException"},
		"a name of 513 characters":  {create(func(in *secretsmanager.CreateSecretInput) { in.Name = aws.String(strings.Repeat("a", 513)) }), "ValidationException"},
		"more than 64 KiB":          {create(func(in *secretsmanager.CreateSecretInput) { in.SecretString = aws.String(strings.Repeat("v", 65537)) }), "ValidationException"},
		"text and bytes":            {create(func(in *secretsmanager.CreateSecretInput) { in.SecretBinary = []byte("v") }), "InvalidParameterException"},
		"a token that is too short": {create(func(in *secretsmanager.CreateSecretInput) { in.ClientRequestToken = aws.String("short") }), "ValidationException"},
		"a tag of AWS": {create(func(in *secretsmanager.CreateSecretInput) {
			in.Tags = []smtypes.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}
		}), "InvalidParameterException"},
		"a tag key of 129 characters": {create(func(in *secretsmanager.CreateSecretInput) {
			in.Tags = []smtypes.Tag{{Key: aws.String(strings.Repeat("k", 129)), Value: aws.String("")}}
		}), "ValidationException"},
		"a token used for another value": {put("again", "other", token), "ResourceExistsException"},
		"a value for what is not there":  {put("none", "v", nil), "ResourceNotFoundException"},
		"a value for what is leaving":    {put("leaving", "v", nil), "InvalidRequestException"},
		"six days":                       {remove(secretsmanager.DeleteSecretInput{RecoveryWindowInDays: aws.Int64(6)}), "InvalidParameterException"},
		"thirty-one days":                {remove(secretsmanager.DeleteSecretInput{RecoveryWindowInDays: aws.Int64(31)}), "InvalidParameterException"},
		"a window and none":              {remove(secretsmanager.DeleteSecretInput{RecoveryWindowInDays: aws.Int64(7), ForceDeleteWithoutRecovery: aws.Bool(true)}), "InvalidParameterException"},
		"deleting what is being deleted": {func() error { _, err := a.secrets.DeleteSecret(t.Context(), leaving); return err }, "InvalidRequestException"},
		"a version that does not exist": {func() error {
			_, err := a.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("taken"), VersionStage: aws.String("AWSPENDING")})
			return err
		}, "ResourceNotFoundException"},
		"the policy of what is leaving": {func() error {
			_, err := a.secrets.GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: aws.String("leaving")})
			return err
		}, "InvalidRequestException"},
		"the ARN of another account": {func() error {
			_, err := a.value("arn:aws:secretsmanager:us-east-1:000000000000:secret:taken-AAAAAA")
			return err
		}, "ResourceNotFoundException"},
		"a filter that AWS does not have": {func() error {
			_, err := a.secrets.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{Filters: []smtypes.Filter{{Key: "colour", Values: []string{"x"}}}})
			return err
		}, "ValidationException"},
		"a page of nothing": {func() error {
			_, err := a.secrets.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(0)})
			return err
		}, "ValidationException"},
		"a page from nowhere": {func() error {
			_, err := a.secrets.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{NextToken: aws.String("!")})
			return err
		}, "InvalidNextTokenException"},
	} {
		t.Run(why, func(t *testing.T) {
			if err := row.do(); code(err) != row.code {
				t.Errorf("want %s, got %v", row.code, err)
			}
		})
	}
}

func TestListingSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{})
		for _, name := range []string{"vk/a", "vk/b", "vk/c", "other"} {
			a.keep(name, "v", smtypes.Tag{Key: aws.String("owner"), Value: aws.String(name[:2])}, smtypes.Tag{Key: aws.String("x-" + name[:1]), Value: aws.String("")})
			time.Sleep(time.Second)
		}
		if _, err := a.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String("vk/c")}); err != nil {
			t.Fatal(err)
		}
		filter := func(key smtypes.FilterNameStringType, values ...string) *secretsmanager.ListSecretsInput {
			return &secretsmanager.ListSecretsInput{Filters: []smtypes.Filter{{Key: key, Values: values}}}
		}
		for why, row := range map[string]struct {
			in   *secretsmanager.ListSecretsInput
			want string
		}{
			"everything by age, but what is leaving": {&secretsmanager.ListSecretsInput{}, "vk/a vk/b other"},
			"what is leaving too":                    {&secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)}, "vk/a vk/b vk/c other"},
			"the youngest first":                     {&secretsmanager.ListSecretsInput{SortOrder: "desc"}, "other vk/b vk/a"},
			"a name is a beginning":                  {filter("name", "vk/"), "vk/a vk/b"},
			"a name in its case":                     {filter("name", "VK/"), ""},
			"one value of several":                   {filter("name", "oth", "vk/b"), "vk/b other"},
			"all but":                                {filter("name", "!vk/"), "other"},
			"a tag key":                              {filter("tag-key", "x-o"), "other"},
			"a tag value":                            {filter("tag-value", "vk"), "vk/a vk/b"},
			"words anywhere in any case":             {filter("all", "OTHER owner"), "other"},
		} {
			row.in.MaxResults = aws.Int32(1) // each page holds one
			var got []string
			pages := secretsmanager.NewListSecretsPaginator(a.secrets, row.in)
			for pages.HasMorePages() {
				out, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, entry := range out.SecretList {
					got = append(got, *entry.Name)
				}
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("%s: want %s, got %v", why, row.want, got)
			}
		}
	})
}
