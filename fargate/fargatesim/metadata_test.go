package fargatesim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// fetch asks the metadata endpoint as a container does.
func fetch(t *testing.T, client *http.Client, url string) (status int, document any) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatalf("GET %s: %v: %s", url, err, body)
	}
	return answer.StatusCode, document
}

func metadataDefinition(in *ecs.RegisterTaskDefinitionInput) {
	in.ExecutionRoleArn = aws.String("execution")
	c := &in.ContainerDefinitions[0]
	c.Essential, c.Memory, c.DockerLabels = aws.Bool(false), aws.Int32(128), map[string]string{"team": "web", "com.amazonaws.ecs.cluster": "a lie"}
	c.Environment = []ecstypes.KeyValuePair{{Name: aws.String("ECS_CONTAINER_METADATA_URI_V4"), Value: aws.String("http://example.com")}}
	c.LogConfiguration = &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
		"awslogs-group": "/pods", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}}
	in.ContainerDefinitions = append(in.ContainerDefinitions, ecstypes.ContainerDefinition{
		Name: aws.String("later"), Image: aws.String("busybox"),
		DependsOn: []ecstypes.ContainerDependency{{ContainerName: aws.String("app"), Condition: ecstypes.ContainerConditionComplete}}})
}

func TestAContainerLearnsOfItselfAndItsTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan string, 1) // the container's URI
		script := fargatesim.Script{Run: func(stop context.Context, c fargatesim.ContainerSpec) fargatesim.Exit {
			asked <- c.Environment["ECS_CONTAINER_METADATA_URI_V4"]
			<-stop.Done()
			return fargatesim.Exit{Code: 143}
		}}
		a := open(t, fargatesim.Config{LogGroups: []string{"/pods"}, Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": script}}})
		a.register(metadataDefinition)
		task := a.run(nil)
		uri := <-asked
		synctest.Wait()
		task = a.Tasks()[0]
		id := (*task.TaskArn)[strings.LastIndex(*task.TaskArn, "/")+1:]
		number, ours := strings.CutPrefix(uri, "http://169.254.170.2/v4/"+id+"-")
		if !ours || len(number) != 10 {
			t.Fatalf("want a URI of ECS's own, whatever the definition says, with the task's ID and a number, got %q", uri)
		}
		if got := *task.Containers[0].RuntimeId; got != id+"-"+number {
			t.Errorf("DescribeTasks says that the runtime ID is %s, the URI %s", got, uri)
		}
		at := "2000-01-01T00:00:00Z"
		container := map[string]any{
			"DockerId": id + "-" + number, "Name": "app", "DockerName": "app", "Image": "nginx:1.9.1", "ImageID": *task.Containers[0].ImageDigest,
			"Labels": map[string]any{
				"com.amazonaws.ecs.cluster": *task.ClusterArn, "com.amazonaws.ecs.container-name": "app", "com.amazonaws.ecs.task-arn": *task.TaskArn,
				"com.amazonaws.ecs.task-definition-family": "web", "com.amazonaws.ecs.task-definition-version": "1", "team": "web"},
			"DesiredStatus": "RUNNING", "KnownStatus": "RUNNING", "Limits": map[string]any{"CPU": 2.0, "Memory": 128.0},
			"CreatedAt": at, "StartedAt": at, "Type": "NORMAL", "Snapshotter": "overlayfs",
			"LogDriver": "awslogs", "LogOptions": map[string]any{"awslogs-group": "/pods", "awslogs-region": "us-east-1", "awslogs-stream": "p/app/" + id},
			"ContainerARN": *task.Containers[0].ContainerArn,
			"Networks": []any{map[string]any{
				"NetworkMode": "awsvpc", "IPv4Addresses": []any{"10.0.0.4"}, "AttachmentIndex": 0.0, "MACAddress": "0a:00:00:00:00:01",
				"IPv4SubnetCIDRBlock": "10.0.0.0/16", "DomainNameServers": []any{"10.0.0.2"}, "DomainNameSearchList": []any{"ec2.internal"},
				"PrivateDNSName": "ip-10-0-0-4.ec2.internal", "SubnetGatewayIpv4Address": "10.0.0.1/16"}},
		}
		_, got := fetch(t, a.Client(), uri)
		if diff := cmp.Diff(any(container), got); diff != "" {
			t.Errorf("the container (-want +got):\n%s", diff)
		}

		_, got = fetch(t, a.Client(), uri+"/task")
		whole, _ := got.(map[string]any)
		containers, _ := whole["Containers"].([]any)
		delete(whole, "Containers")
		want := map[string]any{
			"Cluster": *task.ClusterArn, "TaskARN": *task.TaskArn, "Family": "web", "Revision": "1", "DesiredStatus": "RUNNING",
			"KnownStatus": "NONE", "Limits": map[string]any{"CPU": 0.25, "Memory": 512.0}, "PullStartedAt": at, "PullStoppedAt": at,
			"AvailabilityZone": "us-east-1a", "LaunchType": "FARGATE", "FaultInjectionEnabled": false,
			"ClockDrift":              map[string]any{"ClockErrorBound": 0.5, "ReferenceTimestamp": at, "ClockSynchronizationStatus": "SYNCHRONIZED"},
			"EphemeralStorageMetrics": map[string]any{"Utilized": 0.0, "Reserved": 20496.0},
		}
		if diff := cmp.Diff(want, whole); diff != "" {
			t.Errorf("the task, of which a container still waits (-want +got):\n%s", diff)
		}
		if len(containers) != 2 || !cmp.Equal(any(container), containers[0]) {
			t.Fatalf("want the container that asks, and the other one: %v", containers)
		}
		if later := containers[1].(map[string]any); later["KnownStatus"] != "PULLED" || later["StartedAt"] != nil {
			t.Errorf("the other container waits for the first one: %v", later)
		}
	})
}

func TestPathsThatAreNoContainersAnswerNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{MetadataURL: "http://metadata.test"})
		a.register(nil)
		running := a.await(*a.run(nil).TaskArn, "RUNNING")
		uri := "http://metadata.test/v4/" + *running.Containers[0].RuntimeId
		cases := map[string]string{
			"not a container":                 "http://metadata.test/v4/" + *running.Containers[0].RuntimeId + "0",
			"a script has no statistics":      uri + "/stats",
			"nor has its task":                uri + "/task/stats",
			"statistics of what is no member": "http://metadata.test/v4/0/task/stats",
		}
		for name, url := range cases {
			if status, said := fetch(t, a.Client(), url); status != http.StatusNotFound {
				t.Errorf("%s: want 404, got %d: %v", name, status, said)
			}
		}
		if status, _ := fetch(t, a.Client(), uri); status != http.StatusOK {
			t.Errorf("a container that runs got %d", status)
		}
		a.stop(*running.TaskArn)
		a.await(*running.TaskArn, "STOPPED")
		if status, _ := fetch(t, a.Client(), uri); status != http.StatusNotFound {
			t.Errorf("nobody is left to ask, and %d is answered", status)
		}
	})
}

// measured is a runtime whose containers measure themselves.
type measured struct{ fargatesim.Scripted }

type measuredSandbox struct{ fargatesim.Sandbox }

type measuredContainer struct{ fargatesim.Container }

func (m *measured) Sandbox(ctx context.Context, task fargatesim.TaskSpec) (fargatesim.Sandbox, error) {
	sandbox, err := m.Scripted.Sandbox(ctx, task)
	return measuredSandbox{sandbox}, err
}

func (s measuredSandbox) Start(ctx context.Context, c fargatesim.ContainerSpec) (fargatesim.Container, error) {
	container, err := s.Sandbox.Start(ctx, c)
	return measuredContainer{container}, err
}

func (measuredContainer) Stats(context.Context) ([]byte, error) {
	return []byte(`{"num_procs": 1}`), nil
}

func TestStatisticsAreTheRuntimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Runtime: &measured{}, LogGroups: []string{"/pods"}})
		a.register(metadataDefinition)
		a.run(nil)
		task, err := a.AwaitTask(t.Context(), func(t ecstypes.Task) bool { return t.Containers[0].RuntimeId != nil })
		if err != nil {
			t.Fatal(err)
		}
		id := *task.Containers[0].RuntimeId
		one := map[string]any{"num_procs": 1.0}
		if _, got := fetch(t, a.Client(), "http://169.254.170.2/v4/"+id+"/stats"); !cmp.Equal(any(one), got) {
			t.Errorf("the container's own: %v", got)
		}
		_, got := fetch(t, a.Client(), "http://169.254.170.2/v4/"+id+"/task/stats")
		all := got.(map[string]any)
		if len(all) != 2 || !cmp.Equal(any(one), all[id]) {
			t.Errorf("want those of both containers, null for the one that waits: %v", all)
		}
	})
}
