package tracker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/tracker"
)

func of(startedBy string, task ecstypes.Task) ecstypes.Task {
	task.StartedBy = aws.String(startedBy)
	return task
}

func TestListFindsOurTasksAndNoOthers(t *testing.T) {
	ecs := &fakeECS{}
	var want []string
	for i := range 350 {
		switch {
		case i%5 == 0:
			ecs.put(of("vk/them", task(i, 1, "RUNNING")))
		case i%5 == 1:
			ecs.put(of("vk/them", task(i, 1, "STOPPED")))
		case i%5 == 2:
			ecs.put(task(i, 1, "STOPPED"))
			want = append(want, arnOf(i))
		default:
			ecs.put(task(i, 1, "RUNNING"))
			want = append(want, arnOf(i))
		}
	}
	tasks, err := tracker.New(ecs, cluster, settled, &heard{}, nil).List(t.Context(), "vk/us")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, task := range tasks {
		got = append(got, *task.TaskArn)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// 140 of ours run and 140 of anybody's have stopped: two pages each, and 280 to describe.
	if looks := len(ecs.since()); ecs.lists != 4 || looks != 3 {
		t.Errorf("%d ListTasks and %d DescribeTasks, want 4 and 3", ecs.lists, looks)
	}
}

func TestATaskThatStopsBetweenTheListsIsListedOnce(t *testing.T) {
	ecs := &fakeECS{}
	ecs.put(task(1, 1, "RUNNING"))
	ecs.listed = func() { ecs.tasks[arnOf(1)] = task(1, 2, "STOPPED") }
	tasks, err := tracker.New(ecs, cluster, settled, &heard{}, nil).List(t.Context(), "vk/us")
	if err != nil || len(tasks) != 1 {
		t.Errorf("tasks %v, error %v; want the one", tasks, err)
	}
}

func TestListOfAnEmptyClusterAsksForNothing(t *testing.T) {
	ecs := &fakeECS{}
	tasks, err := tracker.New(ecs, cluster, settled, &heard{}, nil).List(t.Context(), "vk/us")
	if looks := ecs.since(); err != nil || len(tasks) != 0 || len(looks) != 0 {
		t.Errorf("tasks %v, error %v, looks %v; want none", tasks, err, looks)
	}
}

func TestListIsWholeOrAnError(t *testing.T) {
	ecs := &fakeECS{}
	for i := range 150 {
		ecs.put(task(i, 1, "RUNNING"))
	}
	ecs.fail(arnOf(120))
	tasks, err := tracker.New(ecs, cluster, settled, &heard{}, nil).List(t.Context(), "vk/us")
	var fault *ecstypes.ServerException
	if !errors.As(err, &fault) || tasks != nil {
		t.Errorf("%d tasks and error %v; who takes part of a list for the whole starts tasks twice", len(tasks), err)
	}
}
