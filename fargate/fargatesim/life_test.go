package fargatesim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

var wholeLife = []string{"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"}

// statuses are the states of a task in the order of its versions, each once.
func statuses(steps []fargatesim.Step) []string {
	var all []string
	for i, s := range steps {
		if s.Version != int64(i+1) {
			return []string{"a version is missing"}
		}
		if len(all) == 0 || all[len(all)-1] != s.LastStatus {
			all = append(all, s.LastStatus)
		}
	}
	return all
}

func TestATaskPassesThroughAllStates(t *testing.T) {
	for name, delays := range map[string]fargatesim.Delays{"without delays": {}, "with AWS's delays": fargatesim.FargateDelays} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, fargatesim.Config{Delays: delays})
				a.register(nil)
				arn := *a.run(nil).TaskArn
				running := a.await(arn, "RUNNING")
				if len(running.Containers[0].NetworkInterfaces) != 1 || *running.Containers[0].LastStatus != "RUNNING" {
					t.Errorf("the container of a RUNNING task: %+v", running.Containers[0])
				}
				a.stop(arn)
				stopped := a.await(arn, "STOPPED")
				if diff := cmp.Diff(wholeLife, statuses(a.Steps(arn))); diff != "" {
					t.Errorf("states (-want +got):\n%s", diff)
				}
				if *stopped.Containers[0].ExitCode != 0 || stopped.StopCode != ecstypes.TaskStopCodeUserInitiated {
					t.Errorf("an nginx that is stopped exits with 0: %+v", stopped)
				}
				checkOrder(t, stopped)
			})
		})
	}
}

// checkOrder wants all timestamps there and in order.
func checkOrder(t *testing.T, task ecstypes.Task) {
	t.Helper()
	var last time.Time
	for i, at := range []*time.Time{task.CreatedAt, task.ConnectivityAt, task.PullStartedAt, task.PullStoppedAt,
		task.StartedAt, task.StoppingAt, task.ExecutionStoppedAt, task.StoppedAt} {
		if at == nil || at.Before(last) {
			t.Fatalf("timestamp %d is missing or early: %v after %v", i, at, last)
		}
		last = *at
	}
}

func TestOverASocket(t *testing.T) {
	local := open(t, fargatesim.Config{})
	a, _ := local.overHTTP()
	a.register(nil)
	arn := *a.run(nil).TaskArn
	a.await(arn, "RUNNING")
	out, err := a.ecs.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: goodRun().Cluster, Tasks: []string{arn, "gone"}})
	if err != nil || len(out.Tasks) != 1 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("DescribeTasks: %v, %+v", err, out)
	}
	a.stop(arn)
	a.await(arn, "STOPPED")
}
