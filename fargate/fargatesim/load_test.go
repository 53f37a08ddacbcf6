package fargatesim_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestHundredsOfTasksAtOnce(t *testing.T) {
	const tasks = 300
	a := open(t, fargatesim.Config{Unthrottled: true})
	a.register(nil)
	for range tasks / 10 {
		in := goodRun()
		in.Count = aws.Int32(10)
		if _, err := a.ecs.RunTask(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	all := func(status string) func() bool {
		return func() bool {
			listed := a.Tasks()
			return len(listed) == tasks && !slices.ContainsFunc(listed, func(t ecstypes.Task) bool { return *t.LastStatus != status })
		}
	}
	if err := a.Await(t.Context(), all("RUNNING")); err != nil {
		t.Fatal(err)
	}
	for _, task := range a.Tasks() {
		if _, err := a.ecs.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("demo"), Task: task.TaskArn}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Await(t.Context(), all("STOPPED")); err != nil {
		t.Fatal(err)
	}
}
