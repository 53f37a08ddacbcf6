package fargatesim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// account is a local Fargate with AWS's own clients for it.
type account struct {
	*fargatesim.Server
	t    *testing.T
	ecs  *ecs.Client
	logs *cloudwatchlogs.Client
	ec2  *ec2.Client
	sts  *sts.Client

	secrets *secretsmanager.Client
}

// open starts an account in this process; it works inside a synctest bubble.
func open(t *testing.T, config fargatesim.Config) account {
	t.Helper()
	config.Clusters = append(config.Clusters, "demo")
	sim := fargatesim.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = sim.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return clients(t, sim, "http://fargate.test", sim.Client())
}

// overHTTP is the same account behind a real socket.
func (a account) overHTTP() (account, string) {
	web := httptest.NewServer(a.Server)
	a.t.Cleanup(web.Close)
	return clients(a.t, a.Server, web.URL, web.Client()), web.URL
}

func clients(t *testing.T, sim *fargatesim.Server, url string, client *http.Client) account {
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: &url, HTTPClient: client,
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "example"}, nil
		}),
	}
	return account{sim, t, ecs.NewFromConfig(config), cloudwatchlogs.NewFromConfig(config), ec2.NewFromConfig(config), sts.NewFromConfig(config),
		secretsmanager.NewFromConfig(config)}
}

// register makes a definition of the family web; change alters what is registered.
func (a account) register(change func(*ecs.RegisterTaskDefinitionInput)) ecstypes.TaskDefinition {
	a.t.Helper()
	in := goodDefinition()
	if change != nil {
		change(in)
	}
	out, err := a.ecs.RegisterTaskDefinition(a.t.Context(), in)
	if err != nil {
		a.t.Fatalf("RegisterTaskDefinition: %v", err)
	}
	return *out.TaskDefinition
}

// run starts one task of the family web.
func (a account) run(change func(*ecs.RunTaskInput)) ecstypes.Task {
	a.t.Helper()
	in := goodRun()
	if change != nil {
		change(in)
	}
	out, err := a.ecs.RunTask(a.t.Context(), in)
	if err != nil || len(out.Tasks) != 1 {
		a.t.Fatalf("RunTask: %v, %+v", err, out)
	}
	return out.Tasks[0]
}

// await waits for the task to reach a state.
func (a account) await(taskARN, status string) ecstypes.Task {
	a.t.Helper()
	task, err := a.AwaitTask(a.t.Context(), func(t ecstypes.Task) bool { return *t.TaskArn == taskARN && *t.LastStatus == status })
	if err != nil {
		a.t.Fatalf("waiting for %s to be %s: %v", taskARN, status, err)
	}
	return task
}

func (a account) stop(taskARN string) {
	a.t.Helper()
	if _, err := a.ecs.StopTask(a.t.Context(), &ecs.StopTaskInput{Cluster: aws.String("demo"), Task: &taskARN}); err != nil {
		a.t.Fatalf("StopTask: %v", err)
	}
}

func goodDefinition() *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"),
		NetworkMode:             ecstypes.NetworkModeAwsvpc,
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ContainerDefinitions:    []ecstypes.ContainerDefinition{{Name: aws.String("app"), Image: aws.String("nginx:1.9.1")}},
	}
}

func goodRun() *ecs.RunTaskInput {
	return &ecs.RunTaskInput{
		Cluster: aws.String("demo"), TaskDefinition: aws.String("web"), LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: []string{"subnet-0123456789abcdef0"}}},
	}
}
