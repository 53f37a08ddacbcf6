package dockerruntime_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// account is a local Fargate whose containers are real, with AWS's own clients for it.
type account struct {
	*fargatesim.Server
	t    *testing.T
	ecs  *ecs.Client
	logs *cloudwatchlogs.Client
}

// taskLimit is how long a task of these tests may take to its end.
const taskLimit = time.Minute

// open starts an account on the engine that all tests share.
func open(t *testing.T, config fargatesim.Config) account {
	t.Helper()
	if absent != nil {
		t.Skipf("SKIPPED, nothing was tested: %v", absent)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(site.Node.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	config.Clusters, config.LogGroups, config.Runtime = []string{"demo"}, []string{"pods"}, engine
	config.VPC = fargatesim.VPC{ID: fargatesim.DefaultVPC.ID, CIDR: site.Tasks}
	config.Subnets = []fargatesim.Subnet{{ID: fargatesim.DefaultSubnets[0].ID, CIDR: site.Tasks}}
	config.MetadataURL = "http://" + listener.Addr().String()
	sim := fargatesim.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	web := &http.Server{Handler: sim.Metadata()}
	var running sync.WaitGroup
	running.Go(func() { _ = sim.Run(ctx) })
	running.Go(func() { _ = web.Serve(listener) })
	t.Cleanup(func() { cancel(); _ = web.Close(); running.Wait() })
	client := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://fargate.test"), HTTPClient: sim.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "example"}, nil
		})}
	return account{sim, t, ecs.NewFromConfig(client), cloudwatchlogs.NewFromConfig(client)}
}

// script runs the lines of a shell as a task of one container and returns the task at its end with what was written.
// change alters the definition, launch the request; either may be nil.
func (a account) script(lines string, change func(*ecs.RegisterTaskDefinitionInput), launch func(*ecs.RunTaskInput)) (ecstypes.Task, string) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), taskLimit)
	defer cancel()
	in := &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("script"), Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("execution"),
		NetworkMode: ecstypes.NetworkModeAwsvpc, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("shell"), Image: aws.String(shell), EntryPoint: []string{"sh", "-c"}, Command: []string{lines},
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "pods", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}},
		}},
	}
	if change != nil {
		change(in)
	}
	registered, err := a.ecs.RegisterTaskDefinition(ctx, in)
	if err != nil {
		a.t.Fatal(err)
	}
	run := &ecs.RunTaskInput{Cluster: aws.String("demo"), TaskDefinition: registered.TaskDefinition.TaskDefinitionArn, LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{fargatesim.DefaultSubnets[0].ID}}}}
	if launch != nil {
		launch(run)
	}
	started, err := a.ecs.RunTask(ctx, run)
	if err != nil {
		a.t.Fatal(err)
	}
	arn := *started.Tasks[0].TaskArn
	task, err := a.AwaitTask(ctx, func(t ecstypes.Task) bool { return *t.TaskArn == arn && *t.LastStatus == "STOPPED" })
	if err != nil {
		a.t.Fatalf("waiting for the task to stop: %v: %+v", err, a.Tasks())
	}
	return task, a.output(ctx, "p/shell/"+arn[strings.LastIndex(arn, "/")+1:])
}

// output is all that was written to a log stream; empty for one that was never made.
func (a account) output(ctx context.Context, stream string) string {
	found, err := a.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("pods"), LogStreamName: &stream, StartFromHead: aws.Bool(true)})
	if err != nil {
		return ""
	}
	var text strings.Builder
	for _, event := range found.Events {
		text.WriteString(*event.Message + "\n")
	}
	return text.String()
}

func TestContainersReachTheirMetadata(t *testing.T) {
	a := open(t, fargatesim.Config{})
	// Statistics come some time after the start, as from ECS's agent.
	const lines = `get() { wget -q -O- $ECS_CONTAINER_METADATA_URI_V4$1; }; get; get /task; until get /stats 2>/dev/null; do :; done; hostname -i`
	task, written := a.script(lines, nil, nil)
	documents := strings.SplitN(written, "\n", 4)
	if len(documents) != 4 {
		t.Fatalf("want three documents and an address, got %s", written)
	}
	var own, whole struct {
		DockerID, KnownStatus, TaskARN string
		Networks                       []struct{ IPv4Addresses []string }
		Containers                     []struct{ DockerID string }
	}
	var stats struct {
		ID          string
		MemoryStats struct{ Usage int } `json:"memory_stats"`
		Networks    map[string]struct {
			Received int `json:"rx_bytes"`
		}
	}
	for i, into := range []any{&own, &whole, &stats} {
		if err := json.Unmarshal([]byte(documents[i]), into); err != nil {
			t.Fatalf("%v: %s", err, documents[i])
		}
	}
	address := strings.TrimSpace(documents[3])
	switch id := *task.Containers[0].RuntimeId; {
	case own.DockerID != id || len(whole.Containers) != 1 || whole.Containers[0].DockerID != id || whole.TaskARN != *task.TaskArn:
		t.Errorf("the documents are of another container than %s:\n%s", id, written)
	case own.KnownStatus != "RUNNING" || len(own.Networks) != 1 || own.Networks[0].IPv4Addresses[0] != address:
		t.Errorf("it runs at %s:\n%s", address, documents[0])
	case stats.ID != id || stats.MemoryStats.Usage == 0 || stats.Networks["eth0"].Received == 0:
		t.Errorf("statistics are its own, and it uses memory and the network:\n%s", documents[2])
	}
}
