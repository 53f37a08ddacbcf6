package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// Who is who in the local AWS. The keys are access key IDs.
const (
	Account   = "123456789012"
	AdminKey  = "local"           // may do everything
	DaemonKey = "virtual-kubelet" // may do what its policies allow

	ExecutionRole = "arn:aws:iam::" + Account + ":role/vk-execution"
	TaskRole      = "arn:aws:iam::" + Account + ":role/vk-task-web" // of pods to whose namespace it is granted
	LogGroup      = "/fargate-local/pods"
)

// WithRoles are settings of fargate.toml that let kubectl logs and values from Secrets work.
const WithRoles = `ExecutionRoleArn = "` + ExecutionRole + `"
CloudWatchLogGroupName = "` + LogGroup + `"
`

const administrator = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`

// Policy is a policy of examples/iam, filled in for the local AWS.
func (s *Stack) Policy(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(s.config.Examples, "iam", name))
	if err != nil {
		return "", fmt.Errorf("IAM policy: %w", err)
	}
	return strings.NewReplacer("REGION", Region, "CLUSTER", Cluster, "LOG_GROUP", LogGroup, "EXECUTION_ROLE_ARN", ExecutionRole,
		"TASK_ROLE_ARNS", TaskRole, "ACCOUNT", Account).Replace(string(text)), nil
}

// useIAM makes the callers and roles of the local AWS.
func (s *Stack) useIAM(config *fargatesim.Config) error {
	var texts [3]string
	for i, name := range []string{"virtual-kubelet.json", "execution-role.json", "tasks-trust.json"} {
		var err error
		if texts[i], err = s.Policy(name); err != nil {
			return err
		}
	}
	daemon, execution, trust := texts[0], texts[1], texts[2]
	policies := s.config.Policies
	if policies == nil {
		policies = []string{daemon}
	}
	config.Account = Account
	config.IAM = &fargatesim.IAM{
		Callers: map[string]fargatesim.Caller{AdminKey: {Policies: []string{administrator}}, DaemonKey: {Policies: policies}},
		Roles: map[string]fargatesim.Role{
			"vk-execution": {Trust: trust, Policies: []string{execution}},
			"vk-task-web":  {Trust: trust},
		},
	}
	return nil
}
