package fargatesim_test

import (
	"errors"
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
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim/oracle"
)

// TestTheTrafficIsAWSs holds each exchange of a run through all that the account can do against AWS's own model.
func TestTheTrafficIsAWSs(t *testing.T) {
	t.Parallel()
	exchanges := representative(t)
	seen := map[string]bool{}
	for _, e := range exchanges {
		seen[e.Service+":"+e.Operation] = true
	}
	if len(seen) < 40 {
		t.Errorf("the run is not representative: it has %d operations", len(seen))
	}
	t.Logf("%d exchanges of %d operations", len(exchanges), len(seen))
	judge(t, exchanges)
}

// judge holds exchanges against AWS's own model. It comes last in a test, for it skips where there is no model.
func judge(t *testing.T, exchanges []fargatesim.Exchange) {
	t.Helper()
	model, err := oracle.Load(t.Context())
	if errors.Is(err, oracle.ErrAbsent) {
		t.Skipf("SKIPPED, the traffic is not judged by AWS's API model: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exchanges {
		for _, deviation := range model.Deviations(e.Service, e.Operation, e.Request, e.Status, e.Response) {
			t.Errorf("%s\n  request %s\n  answer %d %s", deviation, e.Request, e.Status, e.Response)
		}
	}
}

// TestDefinitionsPassCFNLint shows the task definitions of that run to AWS's linter.
func TestDefinitionsPassCFNLint(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED with -short: cfn-lint takes some seconds")
	}
	t.Parallel()
	var requests [][]byte
	for _, e := range representative(t) {
		if e.Operation == "RegisterTaskDefinition" && e.Status == 200 {
			requests = append(requests, e.Request)
		}
	}
	template, err := oracle.Template(requests)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := oracle.Lint(t.Context(), template)
	if errors.Is(err, oracle.ErrAbsent) {
		t.Skipf("SKIPPED, task definitions are not judged: %v", err)
	}
	if err != nil || findings != "" {
		t.Errorf("%v\n%s\n%s", err, findings, template)
	}
}

// representative is a run with each operation, in success and failure.
func representative(t *testing.T) []fargatesim.Exchange {
	t.Helper()
	var all []fargatesim.Exchange
	a := open(t, fargatesim.Config{LogGroups: []string{"/vk"}, Unthrottled: true,
		Record: func(e fargatesim.Exchange) { all = append(all, e) },
		Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{
			"hello":   {Log: []string{"hello", "world"}},
			"missing": {PullError: "no such image"},
		}}})
	ran := runRepresentative(t, a)
	logsRepresentative(t, a, ran)
	secretsRepresentative(t, a)
	refusedRepresentative(t, a)
	return all
}

// must is for calls that a representative run needs.
func must[T any](t *testing.T) func(out T, err error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func runRepresentative(t *testing.T, a account) (taskARN string) {
	ctx := t.Context()
	secret := a.keep("vk/db", `{"password":"x"}`)
	must[*ecs.CreateClusterOutput](t)(a.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("other"),
		CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}, Tags: []ecstypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	must[*ecs.DescribeClustersOutput](t)(a.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{"other", "none"}, Include: []ecstypes.ClusterField{ecstypes.ClusterFieldTags}}))
	must[*ecs.ListClustersOutput](t)(a.ecs.ListClusters(ctx, &ecs.ListClustersInput{MaxResults: aws.Int32(1)}))
	must[*ecs.DeleteClusterOutput](t)(a.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: aws.String("other")}))

	d := a.register(func(in *ecs.RegisterTaskDefinitionInput) { rich(in, secret) })
	must[*ecs.DescribeTaskDefinitionOutput](t)(a.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("web"), Include: []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags}}))
	must[*ecs.ListTaskDefinitionsOutput](t)(a.ecs.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{}))
	must[*ecs.ListTaskDefinitionFamiliesOutput](t)(a.ecs.ListTaskDefinitionFamilies(ctx, &ecs.ListTaskDefinitionFamiliesInput{}))

	task := a.run(func(in *ecs.RunTaskInput) {
		in.ClientToken, in.StartedBy, in.Group = aws.String("token-1"), aws.String("vk/x"), aws.String("default/web")
		in.EnableECSManagedTags, in.PropagateTags = true, ecstypes.PropagateTagsTaskDefinition
		in.Tags = []ecstypes.Tag{{Key: aws.String("pod"), Value: aws.String("web-0")}}
		in.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp = ecstypes.AssignPublicIpEnabled
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("app"),
			Command: []string{"a"}, Environment: []ecstypes.KeyValuePair{{Name: aws.String("K"), Value: aws.String("v")}}}}}
	})
	taskARN = *task.TaskArn
	describe := &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{taskARN, "none"}, Include: []ecstypes.TaskField{ecstypes.TaskFieldTags}}
	must[*ecs.DescribeTasksOutput](t)(a.ecs.DescribeTasks(ctx, describe))
	a.await(taskARN, "RUNNING")
	must[*ecs.DescribeTasksOutput](t)(a.ecs.DescribeTasks(ctx, describe))
	must[*ec2.DescribeNetworkInterfacesOutput](t)(a.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{}))
	must[*ecs.ListTasksOutput](t)(a.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String("demo"), StartedBy: aws.String("vk/x")}))
	must[*ecs.TagResourceOutput](t)(a.ecs.TagResource(ctx, &ecs.TagResourceInput{ResourceArn: &taskARN, Tags: []ecstypes.Tag{{Key: aws.String("x"), Value: aws.String("y")}}}))
	must[*ecs.ListTagsForResourceOutput](t)(a.ecs.ListTagsForResource(ctx, &ecs.ListTagsForResourceInput{ResourceArn: &taskARN}))
	must[*ecs.UntagResourceOutput](t)(a.ecs.UntagResource(ctx, &ecs.UntagResourceInput{ResourceArn: &taskARN, TagKeys: []string{"x"}}))
	a.stop(taskARN)
	a.await(taskARN, "STOPPED")
	must[*ecs.DescribeTasksOutput](t)(a.ecs.DescribeTasks(ctx, describe))

	failed := a.register(app(func(c *containerInput) { c.Image = aws.String("missing:1") }))
	a.await(*a.run(nil).TaskArn, "STOPPED")
	must[*ecs.ListTasksOutput](t)(a.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String("demo"), DesiredStatus: ecstypes.DesiredStatusStopped}))
	a.NoCapacity(1)
	must[*ecs.RunTaskOutput](t)(a.ecs.RunTask(ctx, goodRun()))
	for _, arn := range []*string{d.TaskDefinitionArn, failed.TaskDefinitionArn} {
		must[*ecs.DeregisterTaskDefinitionOutput](t)(a.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: arn}))
	}
	must[*ecs.DeleteTaskDefinitionsOutput](t)(a.ecs.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: []string{*d.TaskDefinitionArn, "none:1"}}))
	return taskARN
}

// rich is a definition with as much as Fargate takes.
func rich(in *ecs.RegisterTaskDefinitionInput, secret string) {
	in.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/execution")
	in.Tags = []ecstypes.Tag{{Key: aws.String("digest"), Value: aws.String("0123")}}
	in.RuntimePlatform = &ecstypes.RuntimePlatform{CpuArchitecture: ecstypes.CPUArchitectureX8664, OperatingSystemFamily: ecstypes.OSFamilyLinux}
	in.EphemeralStorage = &ecstypes.EphemeralStorage{SizeInGiB: 30}
	in.Cpu, in.Memory, in.PidMode = aws.String("512"), aws.String("1024"), ecstypes.PidModeTask
	in.Volumes = []ecstypes.Volume{{Name: aws.String("data"), Host: &ecstypes.HostVolumeProperties{}}}
	c := &in.ContainerDefinitions[0]
	c.Image, c.Cpu, c.MemoryReservation, c.Memory = aws.String("hello:1"), 256, aws.Int32(128), aws.Int32(256)
	c.EntryPoint, c.Command, c.WorkingDirectory, c.User = []string{"/bin/app"}, []string{"serve"}, aws.String("/"), aws.String("1000:1000")
	c.Environment = []ecstypes.KeyValuePair{{Name: aws.String("A"), Value: aws.String("b")}}
	c.Secrets = []ecstypes.Secret{{Name: aws.String("PASSWORD"), ValueFrom: aws.String(secret + ":password::")}}
	c.PortMappings = []ecstypes.PortMapping{{ContainerPort: aws.Int32(80), Protocol: ecstypes.TransportProtocolTcp}}
	c.MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("data"), ContainerPath: aws.String("/data"), ReadOnly: aws.Bool(false)}}
	c.StopTimeout, c.ReadonlyRootFilesystem = aws.Int32(30), aws.Bool(true)
	c.HealthCheck = &ecstypes.HealthCheck{Command: []string{"CMD", "true"}, Interval: aws.Int32(30), Timeout: aws.Int32(5), Retries: aws.Int32(3)}
	c.LinuxParameters = &ecstypes.LinuxParameters{InitProcessEnabled: aws.Bool(true), Capabilities: &ecstypes.KernelCapabilities{Drop: []string{"ALL"}}}
	c.Ulimits = []ecstypes.Ulimit{{Name: ecstypes.UlimitNameNofile, SoftLimit: 65535, HardLimit: 65535}}
	c.DockerLabels = map[string]string{"a.b/c": "d"}
	c.LogConfiguration = awslogs(map[string]string{"awslogs-group": "/vk", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk"})
	in.ContainerDefinitions = append(in.ContainerDefinitions, ecstypes.ContainerDefinition{Name: aws.String("setup"), Image: aws.String("init:1"),
		Essential: aws.Bool(false)})
	c = &in.ContainerDefinitions[0]
	c.DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String("setup"), Condition: ecstypes.ContainerConditionStart}}
}

func logsRepresentative(t *testing.T, a account, taskARN string) {
	ctx := t.Context()
	stream := "vk/app/" + taskARN[strings.LastIndexByte(taskARN, '/')+1:]
	must[*cloudwatchlogs.CreateLogGroupOutput](t)(a.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/new"), Tags: map[string]string{"a": "b"}}))
	must[*cloudwatchlogs.PutRetentionPolicyOutput](t)(a.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/new"), RetentionInDays: aws.Int32(14)}))
	must[*cloudwatchlogs.DescribeLogGroupsOutput](t)(a.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))
	must[*cloudwatchlogs.DescribeLogStreamsOutput](t)(a.logs.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/vk")}))
	got := must[*cloudwatchlogs.GetLogEventsOutput](t)(a.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/vk"), LogStreamName: &stream, StartFromHead: aws.Bool(true)}))
	if len(got.Events) != 2 {
		t.Errorf("%d lines", len(got.Events))
	}
	must[*cloudwatchlogs.FilterLogEventsOutput](t)(a.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/vk"), LogStreamNames: []string{stream}}))

	group := aws.String("arn:aws:logs:us-east-1:123456789012:log-group:/new")
	must[*cloudwatchlogs.TagResourceOutput](t)(a.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: group, Tags: map[string]string{"c": ""}}))
	must[*cloudwatchlogs.ListTagsForResourceOutput](t)(a.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: group}))
	must[*cloudwatchlogs.UntagResourceOutput](t)(a.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: group, TagKeys: []string{"a", "c"}}))
	must[*cloudwatchlogs.ListTagsForResourceOutput](t)(a.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: group}))
	must[*cloudwatchlogs.DescribeLogGroupsOutput](t)(a.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("new")}))
	must[*cloudwatchlogs.DeleteLogGroupOutput](t)(a.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/new")}))
}

func secretsRepresentative(t *testing.T, a account) {
	ctx := t.Context()
	arn := aws.String(a.keep("vk/x", "one", smtypes.Tag{Key: aws.String("owner"), Value: aws.String("node")}))
	must[*secretsmanager.PutSecretValueOutput](t)(a.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: arn, SecretBinary: []byte("two")}))
	must[*secretsmanager.UpdateSecretOutput](t)(a.secrets.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: arn, Description: aws.String("a secret"), SecretString: aws.String("three")}))
	must[*secretsmanager.GetSecretValueOutput](t)(a.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: arn, VersionStage: aws.String("AWSPREVIOUS")}))
	must[*secretsmanager.DescribeSecretOutput](t)(a.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: arn}))
	must[*secretsmanager.GetResourcePolicyOutput](t)(a.secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: arn}))
	must[*secretsmanager.TagResourceOutput](t)(a.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: arn, Tags: []smtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	must[*secretsmanager.UntagResourceOutput](t)(a.secrets.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: arn, TagKeys: []string{"a"}}))
	must[*secretsmanager.DeleteSecretOutput](t)(a.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: arn, RecoveryWindowInDays: aws.Int64(7)}))
	must[*secretsmanager.ListSecretsOutput](t)(a.secrets.ListSecrets(ctx, &secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true), MaxResults: aws.Int32(1),
		Filters: []smtypes.Filter{{Key: smtypes.FilterNameStringTypeName, Values: []string{"vk/"}}}}))
	must[*secretsmanager.RestoreSecretOutput](t)(a.secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: arn}))
	must[*sts.GetCallerIdentityOutput](t)(a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	must[*ec2.DescribeSubnetsOutput](t)(a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-0123456789abcdef0"}}))
	must[*ec2.DescribeSecurityGroupsOutput](t)(a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{}))
	must[*ec2.DescribeVpcsOutput](t)(a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}))
}
