package fargate_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awscall"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

const (
	daemonKey          = "id" // that world.open signs with
	adminKey           = "admin"
	executionRole      = "arn:aws:iam::123456789012:role/execution"
	infrastructureRole = "arn:aws:iam::123456789012:role/infrastructure"
	webRole            = "arn:aws:iam::123456789012:role/web"
	logGroup           = "/vk/pods"
)

// policyExample is a policy of examples/iam as an operator fills it in.
func policyExample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "iam", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("REGION", "us-east-1", "CLUSTER", "default", "LOG_GROUP", logGroup, "EXECUTION_ROLE_ARN", executionRole, "INFRASTRUCTURE_ROLE_ARN", infrastructureRole,
		"TASK_ROLE_ARNS", webRole, "ACCOUNT", "123456789012").Replace(string(text))
}

// document is as much of a policy as the tests change.
type document struct {
	Version   string
	Statement []struct {
		Sid, Effect string
		Action      texts
		Resource    texts
		Condition   map[string]map[string]texts `json:",omitempty"`
	}
}

// texts are one or several.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

func actionsOf(t *testing.T, policy string) []string {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(policy), &d); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, statement := range d.Statement {
		actions = append(actions, statement.Action...)
	}
	slices.Sort(actions)
	return actions
}

// without is a policy that lacks an action.
func without(t *testing.T, policy, action string) string {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(policy), &d); err != nil {
		t.Fatal(err)
	}
	kept := d.Statement[:0]
	for _, statement := range d.Statement {
		statement.Action = slices.DeleteFunc(statement.Action, func(a string) bool { return a == action })
		if len(statement.Action) > 0 {
			kept = append(kept, statement)
		}
	}
	d.Statement = kept
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ruled is an account in which the daemon has these policies.
func ruled(t *testing.T, policies ...string) fargatesim.Config {
	trust := policyExample(t, "tasks-trust.json")
	return fargatesim.Config{
		IAM: &fargatesim.IAM{
			Callers: map[string]fargatesim.Caller{daemonKey: {Policies: policies}, adminKey: {Policies: []string{everyAction}}},
			Roles: map[string]fargatesim.Role{
				"execution": {Trust: trust, Policies: []string{policyExample(t, "execution-role.json")}},
				"web":       {Trust: trust},
			},
		},
		Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{
			"nginx": {StopCode: aws.Int(0), Log: []string{"hello"}}, "busybox": fargatesim.Exits(0, time.Second)}},
	}
}

// asking is a pod that needs all that a daemon can need permissions for.
func asking(name string) *corev1.Pod {
	pod := withToken(withPassword(nginx(name)), true)
	pod.Annotations["iam.amazonaws.com/role"] = webRole
	return pod
}

// everything is a life in which the daemon makes each of its calls.
func everything(w *world) {
	w.Helper()
	w.config.ExecutionRoleARN, w.config.CloudWatchLogGroupName = executionRole, logGroup
	w.config.TaskDefinitions.KeepTime = time.Hour
	w.config.Grants = providerconfig.Grants{{Namespaces: []string{"default"}, TaskRoles: []string{webRole}}}
	w.createSecret("1")
	w.issue(never)
	w.start()
	w.create(asking("web-a"))
	w.awaitPod("web-a", "running", running)
	w.await("its log", func() bool { return w.logOf("web-a") == "hello\n" })
	w.stopProvider() // the next process knows of no secret
	w.start()
	w.create(asking("web-b"))
	w.awaitPod("web-b", "running", running)
	w.scheduleDeletionOfSecrets()
	time.Sleep(10 * time.Minute) // on the bubble's clock: until the daemon looks for them again
	w.create(asking("web-c"))
	w.awaitPod("web-c", "running", running)
	for _, name := range []string{"web-a", "web-b", "web-c"} {
		w.remove(name)
	}
	time.Sleep(10 * time.Hour)
	if tasks, definitions, secrets := len(w.active()), w.activeDefinitions(), len(w.sim.Secrets()); tasks+definitions+secrets > 0 {
		w.Errorf("%d tasks, %d definitions and %d secrets are left", tasks, definitions, secrets)
	}
}

// logOf is what kubectl logs shows, or what it says instead.
func (w *world) logOf(name string) string {
	logs, err := w.provider.ContainerLogs(w.Context(), "default", name, "nginx", &corev1.PodLogOptions{})
	if err != nil {
		w.Event(nil, "", "Logs", err.Error())
		return ""
	}
	defer logs.Close()
	text, err := io.ReadAll(logs)
	if err != nil {
		w.Error(err)
	}
	return string(text)
}

// scheduleDeletionOfSecrets is what an administrator does who takes them for forgotten.
func (w *world) scheduleDeletionOfSecrets() {
	client := secretsmanager.New(secretsmanager.Options{Region: "us-east-1", HTTPClient: w.sim.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(adminKey, "key", "")})
	for _, secret := range w.sim.Secrets() {
		if _, err := client.DeleteSecret(w.Context(), &secretsmanager.DeleteSecretInput{SecretId: &secret.ARN, RecoveryWindowInDays: aws.Int64(7)}); err != nil {
			w.Error(err)
		}
	}
}

const everyAction = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`

func TestTheExamplePoliciesHoldWhatIsNeededAndNothingElse(t *testing.T) {
	policy := policyExample(t, "virtual-kubelet.json")
	tell(t, ruled(t, policy), func(w *world) {
		everything(w)
		if denied := w.told("AccessDenied"); len(denied) > 0 {
			t.Errorf("denied: %v", denied)
		}
		if diff := cmp.Diff(actionsOf(t, policy), w.sim.ActionsAsked(daemonKey)); diff != "" {
			t.Errorf("the policy has (-), the daemon needs (+):\n%s", diff)
		}
		registry := func(action string) bool { return strings.HasPrefix(action, "ecr:") } // Fargate's own business
		allowed := slices.DeleteFunc(actionsOf(t, policyExample(t, "execution-role.json")), registry)
		if diff := cmp.Diff(allowed, slices.DeleteFunc(w.sim.ActionsAsked("execution"), registry)); diff != "" {
			t.Errorf("the execution role has (-), tasks need (+):\n%s", diff)
		}
	})
}

// onPods are the actions without which a pod does not start, or one of its verbs fails, and how it is told.
var onPods = map[string]string{
	"ecs:DescribeTaskDefinition":    "AWSAccessDenied",
	"ecs:RegisterTaskDefinition":    "AWSAccessDenied",
	"ecs:RunTask":                   "AWSAccessDenied",
	"ecs:TagResource":               "AWSAccessDenied",
	"iam:PassRole":                  "RoleNotPassable",
	"secretsmanager:CreateSecret":   "AWSAccessDenied",
	"secretsmanager:TagResource":    "AWSAccessDenied",
	"secretsmanager:DescribeSecret": "AWSAccessDenied",
	"secretsmanager:PutSecretValue": "AWSAccessDenied",
	"secretsmanager:RestoreSecret":  "AWSAccessDenied",
	"logs:GetLogEvents":             "Logs",
}

// TestEachActionIsMissedAndHealed: the node says which action is denied and what it is for, pods that need it say so
// too, and once it is allowed all goes on as if nothing had been.
func TestEachActionIsMissedAndHealed(t *testing.T) {
	policy := policyExample(t, "virtual-kubelet.json")
	for _, action := range actionsOf(t, policy) {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			tell(t, ruled(t, without(t, policy, action)), func(w *world) {
				w.allowOnceTold(action, policy)
				everything(w)
				want := action + " (" + awscall.Purposes[action] + ")"
				if told := strings.Join(w.told("AccessDenied"), "\n"); awscall.Purposes[action] == "" || !strings.Contains(told, want) {
					t.Errorf("the node's events do not say %q, but:\n%s", want, told)
				}
				if reason := onPods[action]; reason != "" && !strings.Contains(strings.Join(w.told(reason), "\n"), action) {
					t.Errorf("no pod says %s with %s, but: %v", reason, action, w.told(reason))
				}
			})
		})
	}
}

// allowOnceTold gives the daemon the whole policy ten minutes after the node has told that it lacks an action.
func (w *world) allowOnceTold(action, policy string) {
	time.AfterFunc(time.Minute, func() { // on the bubble's clock
		if !strings.Contains(w.nodeCondition(fargate.ConditionPermissions).Message, action) {
			w.allowOnceTold(action, policy)
			return
		}
		time.AfterFunc(10*time.Minute, func() { w.sim.SetPolicies(daemonKey, policy) })
	})
}

// README, On AWS, step 3: this managed policy and nothing else.
func TestAmazonECSFullAccessIsEnoughForTheWalkthrough(t *testing.T) {
	tell(t, ruled(t, fargatesim.AmazonECSFullAccess), func(w *world) {
		w.config.TaskDefinitions.KeepTime = time.Hour
		w.start()
		for _, name := range []string{"web-a", "web-b", "web-c"} {
			w.create(nginx(name))
			w.awaitPod(name, "running", running)
		}
		w.remove("web-a")
		w.stopProvider()
		w.start()
		w.remove("web-b")
		w.remove("web-c")
		time.Sleep(10 * time.Hour) // on the bubble's clock
		if tasks, definitions := len(w.active()), w.activeDefinitions(); tasks+definitions > 0 {
			w.Errorf("%d tasks and %d definitions are left", tasks, definitions)
		}
		if denied := w.told("AccessDenied"); len(denied) > 0 {
			t.Errorf("denied: %v", denied)
		}
	})
}

func TestAmazonECSFullAccessReadsLogsByFilter(t *testing.T) {
	tell(t, ruled(t, fargatesim.AmazonECSFullAccess), func(w *world) {
		w.config.ExecutionRoleARN, w.config.CloudWatchLogGroupName = executionRole, logGroup
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.await("its log", func() bool { return w.logOf("web") == "hello\n" })
		if got := w.sim.Calls("FilterLogEvents"); got == 0 {
			t.Error("it was not read by FilterLogEvents")
		}
		synctest.Wait()
		for action, want := range map[string]bool{"logs:GetLogEvents": true, "logs:PutRetentionPolicy": true, "logs:FilterLogEvents": false} {
			if got := strings.Contains(w.nodeCondition(fargate.ConditionPermissions).Message, action+" ("); got != want {
				t.Errorf("that %s is denied is told: %v, want %v", action, got, want)
			}
		}
	})
}

// A volume of EBS takes one right more, which operators who want none do not give.
func TestVolumesOfEBSTakeARightOfTheirOwn(t *testing.T) {
	daemons, ebs := policyExample(t, "virtual-kubelet.json"), policyExample(t, "ebs-volumes.json")
	sim := ruled(t, daemons)
	sim.IAM.Roles["infrastructure"] = fargatesim.Role{Trust: policyExample(t, "infrastructure-trust.json"), Policies: []string{everyAction}}
	tell(t, sim, func(w *world) {
		w.config.InfrastructureRoleARN = infrastructureRole
		w.start()
		w.create(onEBS(nginx("web")))
		pod := w.awaitPod("web", "waits", waitsFor("FailedAttachVolume"))
		if got := container(pod).State.Waiting.Message; !strings.Contains(got, infrastructureRole) {
			t.Errorf("message %q", got)
		}
		w.sim.SetPolicies(daemonKey, daemons, ebs)
		w.awaitPod("web", "running", running)
	})
}
