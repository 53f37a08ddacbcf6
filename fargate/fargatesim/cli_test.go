package fargatesim_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// TestTheAWSCommand drives the account with a client that nobody here wrote, its waiters included.
func TestTheAWSCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: each call of the aws command takes a second")
	}
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIPPED: there is no aws command on this machine")
	}
	t.Parallel()
	a, url := open(t, fargatesim.Config{}).overHTTP()
	command := func(args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), program, args...)
		c.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
			"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
			"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json", "AWS_MAX_ATTEMPTS=1")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	a.register(nil)
	arn := command("ecs", "run-task", "--cluster", "demo", "--task-definition", "web", "--launch-type", "FARGATE",
		"--network-configuration", "awsvpcConfiguration={subnets=[subnet-0123456789abcdef0],assignPublicIp=ENABLED}",
		"--query", "tasks[0].taskArn", "--output", "text")
	command("ecs", "wait", "tasks-running", "--cluster", "demo", "--tasks", arn)

	var described struct{ Tasks []map[string]any }
	if err := json.Unmarshal([]byte(command("ecs", "describe-tasks", "--cluster", "demo", "--tasks", arn)), &described); err != nil || len(described.Tasks) != 1 {
		t.Errorf("describe-tasks: %v, %v", err, described)
	}
	public := command("ec2", "describe-network-interfaces", "--query", "NetworkInterfaces[0].Association.PublicIp", "--output", "text")
	if !strings.HasPrefix(public, "203.0.113.") {
		t.Errorf("public address: %s", public)
	}
	a.stop(arn)
	command("ecs", "wait", "tasks-stopped", "--cluster", "demo", "--tasks", arn)

	command("secretsmanager", "create-secret", "--name", "vk/db", "--secret-string", "planted")
	if value := command("secretsmanager", "get-secret-value", "--secret-id", "vk/db", "--query", "SecretString", "--output", "text"); value != "planted" {
		t.Errorf("secret: %s", value)
	}
}
