package fargatesim_test

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// withSecrets lets the container have secrets, by variable and valueFrom.
func withSecrets(values map[string]string) func(*ecs.RegisterTaskDefinitionInput) {
	return func(in *ecs.RegisterTaskDefinitionInput) {
		in.ExecutionRoleArn = aws.String("execution")
		for name, from := range values {
			in.ContainerDefinitions[0].Secrets = append(in.ContainerDefinitions[0].Secrets, ecstypes.Secret{Name: &name, ValueFrom: &from})
		}
	}
}

// watched is a runtime that remembers the environment of what it starts.
func watched() (*fargatesim.Scripted, func() map[string]string) {
	var mu sync.Mutex
	var environment map[string]string
	script := &fargatesim.Scripted{Choose: func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
		mu.Lock()
		defer mu.Unlock()
		if c.Name != "" { // not a pull
			environment = maps.Clone(c.Environment)
			delete(environment, "ECS_CONTAINER_METADATA_URI_V4") // the metadata tests look at it
		}
		return fargatesim.Script{}, true
	}}
	return script, func() map[string]string { mu.Lock(); defer mu.Unlock(); return environment }
}

func TestSecretsReachTheContainerAndNothingElse(t *testing.T) {
	runtime, environment := watched()
	a := open(t, fargatesim.Config{Runtime: runtime})
	plain := a.keep("plain", "planted-1")
	object := a.keep("object", `{"user":"planted-2","port":5432}`)
	if _, err := a.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &object, SecretString: aws.String(`{"user":"planted-3"}`)}); err != nil {
		t.Fatal(err)
	}
	a.register(withSecrets(map[string]string{
		"WHOLE": plain, "PARTIAL": plain[:len(plain)-7], "KEY": object + ":user::",
		"BEFORE": object + ":user:AWSPREVIOUS:", "NUMBER": object + ":port:AWSPREVIOUS:", "CURRENT": object + ":::",
	}))
	arn := *a.run(nil).TaskArn
	task := a.await(arn, "RUNNING")
	want := map[string]string{"WHOLE": "planted-1", "PARTIAL": "planted-1", "KEY": "planted-3", "BEFORE": "planted-2", "NUMBER": "5432", "CURRENT": `{"user":"planted-3"}`}
	if diff := cmp.Diff(want, environment()); diff != "" {
		t.Errorf("want - got +\n%s", diff)
	}
	shown, err := json.Marshal([]any{task, a.Definitions()})
	if err != nil || strings.Contains(string(shown), "planted") {
		t.Errorf("shown: %s, %v", shown, err)
	}
}

func TestSecretsThatATaskDoesNotGet(t *testing.T) {
	a := open(t, fargatesim.Config{})
	object := a.keep("object", `{"user":"planted"}`)
	text := a.keep("text", "planted")
	leaving := a.keep("leaving", "planted")
	if _, err := a.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &leaving}); err != nil {
		t.Fatal(err)
	}
	for why, row := range map[string]struct{ from, reason string }{
		"a key that is not there":      {object + ":password::", "did not contain json key password"},
		"a key of what is no object":   {text + ":password::", "as JSON"},
		"a stage that is not there":    {object + "::AWSPENDING:", "staging label: AWSPENDING"},
		"a secret about to be deleted": {leaving, "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."},
		"a secret made again":          {object[:len(object)-6] + "AAAAAA", "ResourceNotFoundException: Secrets Manager can't find the specified secret."},
	} {
		t.Run(why, func(t *testing.T) {
			a.register(withSecrets(map[string]string{"A": row.from}))
			task := a.await(*a.run(nil).TaskArn, "STOPPED")
			reason := *task.StoppedReason
			if !strings.HasPrefix(reason, "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ") ||
				!strings.Contains(reason, row.reason) || strings.Contains(reason, "planted") || task.StopCode != ecstypes.TaskStopCodeTaskFailedToStart {
				t.Errorf("%s: %s", task.StopCode, reason)
			}
		})
	}
}

func TestAnOverrideCannotReplaceASecret(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.register(withSecrets(map[string]string{"PASSWORD": a.keep("db", "x")}))
	in := goodRun()
	in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("app"),
		Environment: []ecstypes.KeyValuePair{{Name: aws.String("PASSWORD"), Value: aws.String("y")}}}}}
	if _, err := a.ecs.RunTask(t.Context(), in); code(err) != "ClientException" {
		t.Error(err)
	}
}

// withLogin lets the container's image be pulled with a secret; empty: with none.
func withLogin(image, secret string) func(*ecs.RegisterTaskDefinitionInput) {
	return func(in *ecs.RegisterTaskDefinitionInput) {
		in.ExecutionRoleArn = aws.String("execution")
		in.ContainerDefinitions[0].Image = &image
		if secret != "" {
			in.ContainerDefinitions[0].RepositoryCredentials = &ecstypes.RepositoryCredentials{CredentialsParameter: &secret}
		}
	}
}

func TestPrivateRegistries(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.PrivateRegistry("registry.test:5000", "robot", "planted")
	const image = "registry.test:5000/team/app:1"
	good := a.keep("good", `{"username":"robot","password":"planted"}`)
	const initializing = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to get registry auth from asm: service call has been retried 1 time(s): "
	for why, row := range map[string]struct{ secret, reason string }{
		"its ARN":                    {good, ""},
		"its name":                   {"good", ""},
		"a key is no part of it":     {good + ":password::", initializing + "asm fetching secret from the service for "},
		"a secret that is not there": {good[:len(good)-6] + "AAAAAA", "ResourceNotFoundException: Secrets Manager can't find the specified secret."},
		"no JSON":                    {a.keep("text", "planted"), initializing + "asm fetching authorization data: unable to unmarshal secret value, invalid schema"},
		"no user name":               {a.keep("nameless", `{"password":"planted"}`), initializing + "asm fetching username: AuthorizationData is malformed, empty field"},
		"no password":                {a.keep("open", `{"username":"robot"}`), initializing + "asm fetching password: AuthorizationData is malformed, empty field"},
		"another password":           {a.keep("wrong", `{"username":"robot","password":"old"}`), "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + image},
		"no credentials":             {"", "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + image},
	} {
		t.Run(why, func(t *testing.T) {
			a.register(withLogin(image, row.secret))
			arn := *a.run(nil).TaskArn
			if row.reason == "" {
				a.await(arn, "RUNNING")
				return
			}
			task := a.await(arn, "STOPPED")
			if reason := *task.StoppedReason; !strings.Contains(reason, row.reason) || strings.Contains(reason, "planted") {
				t.Errorf("reason %s", reason)
			}
		})
	}
}
