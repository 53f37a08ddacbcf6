package fargatesim_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

const user = "arn:aws:sts::123456789012:assumed-role/virtual-kubelet/i-0123456789abcdef0"

// statements is a policy of these statements.
func statements(s ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(s, ",") + `]}`
}

// guarded is an account in which the caller of the tests has these policies.
func guarded(t *testing.T, policies ...string) account {
	t.Helper()
	return open(t, fargatesim.Config{
		LogGroups: []string{"/vk/pods", "/other"},
		IAM: &fargatesim.IAM{
			Callers: map[string]fargatesim.Caller{"AKIAEXAMPLE": {Policies: policies}},
			Roles: map[string]fargatesim.Role{
				"execution": {Policies: []string{fargatesim.AmazonECSTaskExecutionRolePolicy}},
				"powerless": {},
				"foreign":   {Trust: strings.ReplaceAll(fargatesim.EcsTasksTrust, "ecs-tasks", "ec2")},
			},
		},
	})
}

// leastPrivilege is a policy for one cluster and the families of one node.
var leastPrivilege = statements(
	`{"Effect":"Allow","Action":["ecs:RegisterTaskDefinition"],"Resource":"arn:aws:ecs:us-east-1:123456789012:task-definition/web*:*"}`,
	`{"Effect":"Allow","Action":["ecs:DescribeTaskDefinition","ecs:DeregisterTaskDefinition"],"Resource":"*"}`,
	`{"Effect":"Allow","Action":"ecs:RunTask","Resource":"arn:aws:ecs:us-east-1:123456789012:task-definition/web*:*","Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/demo"}}}`,
	`{"Effect":"Allow","Action":["ecs:StopTask","ecs:DescribeTasks"],"Resource":"arn:aws:ecs:us-east-1:123456789012:task/demo/*"}`,
	`{"Effect":"Allow","Action":"ecs:ListTasks","Resource":"*","Condition":{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/demo"}}}`,
	`{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*","Condition":{"StringEquals":{"ecs:CreateAction":["RunTask","RegisterTaskDefinition"]}}}`,
	`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/execution","Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}}`,
	`{"Effect":"Allow","Action":["logs:GetLogEvents","logs:FilterLogEvents"],"Resource":"arn:aws:logs:us-east-1:123456789012:log-group:/vk/*"}`,
	`{"Effect":"Allow","Action":["secretsmanager:CreateSecret","secretsmanager:GetSecretValue"],"Resource":"arn:aws:secretsmanager:us-east-1:123456789012:secret:vk/*"}`,
	`{"Effect":"Allow","Action":"secretsmanager:DeleteSecret","Resource":"*","Condition":{"StringLike":{"aws:ResourceTag/owner":"node-*"}}}`,
	`{"Effect":"Allow","Action":"secretsmanager:TagResource","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/owner":"node-1"}}}`,
	`{"Effect":"Allow","Action":"ec2:DescribeSubnets","Resource":"*"}`,
	`{"Effect":"Deny","Action":"ecs:DeregisterTaskDefinition","Resource":"*"}`,
)

func TestWhatAPolicyAllows(t *testing.T) {
	a := guarded(t, leastPrivilege)
	a.register(nil)
	task := *a.run(nil).TaskArn
	a.keepTagged("vk/mine", "node-1")
	ctx := t.Context()
	owner := func(value string) []smtypes.Tag { return []smtypes.Tag{{Key: aws.String("owner"), Value: &value}} }
	for why, row := range map[string]struct {
		do     func() error
		denied string // the end of the message from "perform:"; empty: it is not denied
	}{
		"its own family": {func() error { _, err := a.ecs.RegisterTaskDefinition(ctx, goodDefinition()); return err }, ""},
		"another family": {func() error {
			in := goodDefinition()
			in.Family = aws.String("db")
			_, err := a.ecs.RegisterTaskDefinition(ctx, in)
			return err
		}, "ecs:RegisterTaskDefinition on resource: arn:aws:ecs:us-east-1:123456789012:task-definition/db:* because no identity-based policy allows the ecs:RegisterTaskDefinition action"},
		"a role that may not be passed on": {func() error {
			in := goodDefinition()
			in.TaskRoleArn = aws.String("arn:aws:iam::123456789012:role/admin")
			_, err := a.ecs.RegisterTaskDefinition(ctx, in)
			return err
		}, "iam:PassRole on resource: arn:aws:iam::123456789012:role/admin because no identity-based policy allows the iam:PassRole action"},
		"a role in an override": {func() error {
			in := goodRun()
			in.Overrides = &ecstypes.TaskOverride{TaskRoleArn: aws.String("admin")}
			_, err := a.ecs.RunTask(ctx, in)
			return err
		}, "iam:PassRole on resource: arn:aws:iam::123456789012:role/admin because"},
		"another cluster": {func() error {
			in := goodRun()
			in.Cluster = aws.String("prod")
			_, err := a.ecs.RunTask(ctx, in)
			return err
		}, "ecs:RunTask on resource: arn:aws:ecs:us-east-1:123456789012:task-definition/web:"},
		"tags on what is made": {func() error {
			in := goodRun()
			in.Tags = []ecstypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
			_, err := a.ecs.RunTask(ctx, in)
			return err
		}, ""},
		"tags on what exists": {func() error {
			_, err := a.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &task, Tags: []ecstypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
			return err
		}, "ecs:TagResource on resource: " + task},
		"a task of its cluster": {func() error {
			_, err := a.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{task}})
			return err
		}, ""},
		"one task of many": {func() error {
			_, err := a.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{task, "arn:aws:ecs:us-east-1:123456789012:task/prod/x"}})
			return err
		}, "ecs:DescribeTasks on resource: arn:aws:ecs:us-east-1:123456789012:task/prod/x"},
		"listing": {func() error {
			_, err := a.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String("demo")})
			return err
		}, ""},
		"listing another": {func() error { _, err := a.ecs.ListTasks(ctx, &ecs.ListTasksInput{}); return err }, "ecs:ListTasks on resource:"},
		"an explicit denial wins": {func() error {
			_, err := a.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("web:1")})
			return err
		}, "ecs:DeregisterTaskDefinition on resource: * with an explicit deny in an identity-based policy"},
		"its own logs": {func() error {
			_, err := a.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/vk/pods")})
			return err
		}, ""},
		"other logs": {func() error {
			_, err := a.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/other"), LogStreamName: aws.String("s")})
			return err
		}, "logs:GetLogEvents on resource: arn:aws:logs:us-east-1:123456789012:log-group:/other:log-stream:s because"},
		"a secret of another prefix": {func() error {
			_, err := a.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("v")})
			return err
		}, "secretsmanager:CreateSecret on resource: db because"},
		"a secret with a tag that is not allowed": {func() error {
			_, err := a.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("vk/x"), SecretString: aws.String("v"), Tags: owner("node-2")})
			return err
		}, "secretsmanager:TagResource on resource: vk/x because"},
		"a secret that is not there and would be allowed": {func() error {
			if _, err := a.value("vk/none"); code(err) != "ResourceNotFoundException" {
				return err
			}
			return nil
		}, ""},
		"a secret by its tag": {func() error {
			_, err := a.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String("vk/mine")})
			return err
		}, ""},
		"a list of secrets": {func() error { _, err := a.secrets.ListSecrets(ctx, &secretsmanager.ListSecretsInput{}); return err }, "secretsmanager:ListSecrets on resource: *"},
		"subnets":           {func() error { _, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{}); return err }, ""},
		"who it is":         {func() error { _, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); return err }, ""},
	} {
		t.Run(why, func(t *testing.T) {
			err := row.do()
			switch {
			case row.denied == "" && err != nil:
				t.Errorf("it is allowed: %v", err)
			case row.denied != "" && (code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "User: "+user+" is not authorized to perform: "+row.denied)):
				t.Errorf("want %s\ngot %v", row.denied, err)
			}
		})
	}
}

// keepTagged makes a secret with a tag that says whose it is.
func (a account) keepTagged(name, owner string) string {
	return a.keep(name, "v", smtypes.Tag{Key: aws.String("owner"), Value: &owner})
}

func TestEC2SaysNoInItsOwnWords(t *testing.T) {
	a := guarded(t, leastPrivilege)
	_, err := a.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	want := "You are not authorized to perform this operation. User: " + user + " is not authorized to perform: ec2:DescribeVpcs because no identity-based policy allows the ec2:DescribeVpcs action"
	if code(err) != "UnauthorizedOperation" || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
}

func TestAKeyThatNobodyHas(t *testing.T) {
	a := open(t, fargatesim.Config{IAM: &fargatesim.IAM{}})
	_, inECS := a.ecs.ListClusters(t.Context(), &ecs.ListClustersInput{})
	_, inEC2 := a.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	_, inSTS := a.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if code(inECS) != "UnrecognizedClientException" || code(inEC2) != "AuthFailure" || code(inSTS) != "InvalidClientTokenId" {
		t.Error(inECS, inEC2, inSTS)
	}
}

func TestTheManagedPolicyIsTheWalkthroughs(t *testing.T) {
	a := guarded(t, fargatesim.AmazonECSFullAccess)
	a.register(func(in *ecs.RegisterTaskDefinitionInput) {
		in.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/execution")
		in.Tags = []ecstypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	})
	arn := *a.run(nil).TaskArn
	a.await(arn, "RUNNING")
	a.stop(arn)
	if _, err := a.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/vk/pods")}); err != nil {
		t.Error(err)
	}
	if _, err := a.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/vk/pods"), LogStreamName: aws.String("s")}); code(err) != "AccessDeniedException" {
		t.Error(err)
	}
	if _, err := a.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("x"), SecretString: aws.String("v")}); code(err) != "AccessDeniedException" {
		t.Error(err)
	}
	want := []string{"ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:StopTask", "ecs:TagResource", "iam:PassRole",
		"logs:FilterLogEvents", "logs:GetLogEvents", "secretsmanager:CreateSecret"}
	if diff := cmp.Diff(want, a.ActionsAsked("AKIAEXAMPLE")); diff != "" {
		t.Errorf("asked: want - got +\n%s", diff)
	}
	a.SetPolicies("AKIAEXAMPLE", leastPrivilege)
	if _, err := a.ecs.ListClusters(t.Context(), &ecs.ListClustersInput{}); code(err) != "AccessDeniedException" {
		t.Errorf("after the policy was taken away: %v", err)
	}
}

func TestWhatTheExecutionRoleMayDo(t *testing.T) {
	a := guarded(t, fargatesim.AmazonECSFullAccess, statements(`{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}`))
	secret := a.keep("vk/db", "planted")
	logs := awslogs(map[string]string{"awslogs-group": "/vk/pods", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk"})
	readsSecrets := statements(`{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:us-east-1:123456789012:secret:vk/*"}`)
	for why, row := range map[string]struct {
		execution, task string
		policy          string // of the execution role, beside the managed one
		secret, logs    bool
		reason          string // empty: it runs
	}{
		"logs":                        {"execution", "", "", false, true, ""},
		"logs without a right to":     {"powerless", "", "", false, true, "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/powerless/"},
		"a secret without a right to": {"execution", "", "", true, false, "secretsmanager:GetSecretValue on resource: " + secret + " because no identity-based policy allows"},
		"a secret":                    {"execution", "", readsSecrets, true, true, ""},
		"a role that does not exist":  {"nobody", "", "", false, true, "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/nobody' that was provided for this task."},
		"a task role of EC2's":        {"execution", "foreign", "", false, false, "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/foreign'"},
		"a task role":                 {"execution", "powerless", "", false, false, ""},
	} {
		t.Run(why, func(t *testing.T) {
			policies := []string{fargatesim.AmazonECSTaskExecutionRolePolicy}
			if row.policy != "" {
				policies = append(policies, row.policy)
			}
			a.SetPolicies("execution", policies...)
			a.register(func(in *ecs.RegisterTaskDefinitionInput) {
				in.ExecutionRoleArn = &row.execution
				if row.task != "" {
					in.TaskRoleArn = &row.task
				}
				if row.secret {
					in.ContainerDefinitions[0].Secrets = []ecstypes.Secret{{Name: aws.String("A"), ValueFrom: &secret}}
				}
				if row.logs {
					in.ContainerDefinitions[0].LogConfiguration = logs
				}
			})
			arn := *a.run(nil).TaskArn
			if row.reason == "" {
				a.await(arn, "RUNNING")
				return
			}
			if task := a.await(arn, "STOPPED"); !strings.Contains(*task.StoppedReason, row.reason) || task.StopCode != ecstypes.TaskStopCodeTaskFailedToStart {
				t.Errorf("want %s\ngot %s", row.reason, *task.StoppedReason)
			}
		})
	}
}

func TestPoliciesThatAreNotUnderstoodAreRefused(t *testing.T) {
	allow := func(rest string) string {
		return statements(`{"Effect":"Allow","Action":"ecs:RunTask","Resource":"*"` + rest + `}`)
	}
	for why, row := range map[string]struct {
		policy string
		ok     bool
	}{
		"a plain one":                     {allow(""), true},
		"one statement without a list":    {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, true},
		"a set operator":                  {allow(`,"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`), true},
		"an old version":                  {strings.ReplaceAll(allow(""), "2012", "2008"), false},
		"a member that IAM does not have": {allow(`,"Actions":"x"`), false},
		"an operator nobody knows":        {allow(`,"Condition":{"StringIs":{"aws:TagKeys":"a"}}`), false},
		"a key nobody knows":              {allow(`,"Condition":{"StringEquals":{"ecs:colour":"a"}}`), false},
		"a variable":                      {allow(`,"Condition":{"StringEquals":{"aws:TagKeys":"${aws:username}"}}`), false},
		"a principal":                     {allow(`,"Principal":{"AWS":"*"}`), false},
		"no resource":                     {statements(`{"Effect":"Allow","Action":"ecs:RunTask"}`), false},
		"a resource that is no ARN":       {statements(`{"Effect":"Allow","Action":"ecs:RunTask","Resource":"web"}`), false},
		"an action that is none":          {statements(`{"Effect":"Allow","Action":"RunTask","Resource":"*"}`), false},
		"an effect that is none":          {statements(`{"Effect":"allow","Action":"*","Resource":"*"}`), false},
		"text after the end":              {allow("") + "x", false},
	} {
		t.Run(why, func(t *testing.T) {
			if err := fargatesim.CheckPolicy(row.policy); (err == nil) != row.ok {
				t.Error(err)
			}
		})
	}
}

func TestConditionsAndWildcards(t *testing.T) {
	const denied, fine = false, true
	for why, row := range map[string]struct {
		statement string
		tags      []string // keys, on RunTask
		want      bool
	}{
		"a wildcard of an action in any case": {`{"Effect":"Allow","Action":"ECS:*","Resource":"*"}`, nil, fine},
		"a question mark":                     {`{"Effect":"Allow","Action":"ecs:RunTas?","Resource":"*"}`, nil, fine},
		"a wildcard within a part of an ARN":  {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:us-*:123456789012:*"}`, nil, fine},
		"a wildcard does not cross a colon":   {`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs*:123456789012:task-definition/web:1"}`, nil, denied},
		"all but":                             {`{"Effect":"Allow","NotAction":"ecs:RunTask","Resource":"*"}`, nil, denied},
		"all resources but":                   {`{"Effect":"Allow","Action":"*","NotResource":"arn:aws:ecs:*:*:task-definition/db:*"}`, nil, fine},
		"a key that is not in the request":    {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"v"}}}`, nil, denied},
		"unless it is there":                  {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:RequestTag/a":"w"}}}`, nil, fine},
		"not equal to what is not there":      {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestTag/a":"v"}}}`, nil, fine},
		"not equal to what is":                {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestTag/a":"v"}}}`, []string{"a"}, denied},
		"it has to be absent":                 {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:RequestTag/a":"true"}}}`, []string{"a"}, denied},
		"it has to be there":                  {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:RequestTag/a":"false"}}}`, []string{"a"}, fine},
		"each value":                          {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}}`, []string{"a", "c"}, denied},
		"any value":                           {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}}`, []string{"a", "c"}, fine},
		"two conditions at once":              {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"v"},"ArnLike":{"ecs:cluster":"arn:aws:ecs:*:*:cluster/prod"}}}`, []string{"a"}, denied},
		"a truth":                             {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"ecs:enable-execute-command":"false"}}}`, nil, fine},
		"the role behind the session":         {`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/virtual-kubelet"}}}`, nil, fine},
	} {
		t.Run(why, func(t *testing.T) {
			a := guarded(t, fargatesim.AmazonECSFullAccess)
			a.register(nil)
			tagging := statements(`{"Effect":"Allow","Action":"ecs:TagResource","Resource":"*"}`)
			a.SetPolicies("AKIAEXAMPLE", statements(row.statement), tagging)
			in := goodRun()
			for _, key := range row.tags {
				in.Tags = append(in.Tags, ecstypes.Tag{Key: &key, Value: aws.String("v")})
			}
			if _, err := a.ecs.RunTask(t.Context(), in); (err == nil) != row.want {
				t.Errorf("allowed is to be %v: %v", row.want, err)
			}
		})
	}
}

func TestLogsThatTheExecutionRoleMayNotWrite(t *testing.T) {
	a := guarded(t, fargatesim.AmazonECSFullAccess)
	log := func(group string) func(*ecs.RegisterTaskDefinitionInput) {
		return func(in *ecs.RegisterTaskDefinitionInput) {
			in.ExecutionRoleArn = aws.String("execution")
			in.ContainerDefinitions[0].Image = aws.String("nginx")
			in.ContainerDefinitions[0].LogConfiguration = awslogs(map[string]string{"awslogs-group": group, "awslogs-region": "us-east-1",
				"awslogs-stream-prefix": "vk", "awslogs-create-group": "true"})
		}
	}
	a.register(log("/new")) // the managed policy makes no groups
	if task := a.await(*a.run(nil).TaskArn, "STOPPED"); !strings.Contains(*task.StoppedReason, "is not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:us-east-1:123456789012:log-group:/new:log-stream: because") {
		t.Error(*task.StoppedReason)
	}
	a.SetPolicies("execution", statements(`{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream"],"Resource":"*"}`))
	a.register(log("/new"))
	a.await(*a.run(nil).TaskArn, "RUNNING") // its lines are lost
	want := []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
	if diff := cmp.Diff(want, a.ActionsAsked("execution")); diff != "" {
		t.Errorf("asked: want - got +\n%s", diff)
	}
}

func TestASessionThatIsOver(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.Break("", fargatesim.Fault{Error: fargatesim.Expired()})
	_, inECS := a.ecs.ListClusters(t.Context(), &ecs.ListClustersInput{})
	_, inEC2 := a.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	_, inSTS := a.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if code(inECS) != "ExpiredTokenException" || code(inEC2) != "RequestExpired" || code(inSTS) != "ExpiredToken" {
		t.Error(inECS, inEC2, inSTS)
	}
}
