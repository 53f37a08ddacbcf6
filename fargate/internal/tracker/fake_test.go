package tracker_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/tracker"
)

const cluster = "vk"

// fakeECS holds tasks and answers as ECS does: it refuses what ECS refuses and pages as ECS pages.
type fakeECS struct {
	mu      sync.Mutex // guards all below
	tasks   map[string]ecstypes.Task
	looks   []look // DescribeTasks calls, since they were asked for
	lists   int    // ListTasks calls
	failing string // DescribeTasks fails for batches that hold this ARN
	listed  func() // called after each ListTasks, with mu held; may be nil
	page    int    // ARNs a page; 0: 100
}

type look struct {
	at    time.Duration // since the test began
	tasks int
}

func (f *fakeECS) put(tasks ...ecstypes.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tasks == nil {
		f.tasks = map[string]ecstypes.Task{}
	}
	for _, task := range tasks {
		f.tasks[*task.TaskArn] = task
	}
}

func (f *fakeECS) drop(taskARN string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tasks, taskARN)
}

// since are the looks since the last time this was asked.
func (f *fakeECS) since() []look {
	f.mu.Lock()
	defer f.mu.Unlock()
	looks := f.looks
	f.looks = nil
	return looks
}

func (f *fakeECS) fail(taskARN string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing = taskARN
}

// began is when a clock of testing/synctest starts.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (f *fakeECS) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks = append(f.looks, look{time.Since(began), len(in.Tasks)})
	if len(in.Tasks) == 0 || len(in.Tasks) > 100 || aws.ToString(in.Cluster) != cluster {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("1 to 100 tasks of a cluster")}
	}
	out := &ecs.DescribeTasksOutput{}
	for _, arn := range in.Tasks {
		task, known := f.tasks[arn]
		switch {
		case arn == f.failing:
			return nil, &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")}
		case !strings.HasPrefix(arn, "arn:aws:ecs:eu-west-1:1:task/"+cluster+"/"):
			return nil, &ecstypes.InvalidParameterException{Message: aws.String("Invalid identifier: Identifier is for cluster old. Your cluster is vk")}
		case known:
			out.Tasks = append(out.Tasks, task)
		default:
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: aws.String(arn), Reason: aws.String("MISSING")})
		}
	}
	return out, nil
}

func (f *fakeECS) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if f.listed != nil {
		defer f.listed()
	}
	if in.StartedBy != nil && in.DesiredStatus != "" {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("startedBy must be the only filter")}
	}
	desired := string(in.DesiredStatus)
	if desired == "" {
		desired = "RUNNING"
	}
	var arns []string
	for _, arn := range slices.Sorted(maps.Keys(f.tasks)) {
		task := f.tasks[arn]
		ours := in.StartedBy == nil || *in.StartedBy == aws.ToString(task.StartedBy)
		if ours && *task.DesiredStatus == desired && arn > aws.ToString(in.NextToken) {
			arns = append(arns, arn)
		}
	}
	out := &ecs.ListTasksOutput{TaskArns: arns}
	if page := cmp.Or(f.page, 100); len(arns) > page {
		out.TaskArns, out.NextToken = arns[:page], &arns[page-1]
	}
	return out, nil
}

// heard is all that a listener was told, oldest first.
type heard struct {
	mu     sync.Mutex // guards events
	events []string
}

func (h *heard) TaskChanged(task ecstypes.Task) {
	h.tell(fmt.Sprintf("%s v%d %s", lastPart(*task.TaskArn), task.Version, *task.LastStatus))
}

func (h *heard) TaskMissing(taskARN string) { h.tell(lastPart(taskARN) + " missing") }

func (h *heard) tell(event string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func arnOf(n int) string { return fmt.Sprintf("arn:aws:ecs:eu-west-1:1:task/%s/%03d", cluster, n) }

func task(n int, version int64, last string) ecstypes.Task {
	desired := "RUNNING"
	if last == "STOPPED" {
		desired = "STOPPED"
	}
	return ecstypes.Task{TaskArn: aws.String(arnOf(n)), Version: version, LastStatus: &last, DesiredStatus: &desired,
		StartedBy: aws.String("vk/us")}
}

func settled(task ecstypes.Task) bool {
	return *task.LastStatus == "RUNNING" || *task.LastStatus == "STOPPED"
}

// tracking runs a story beside a Tracker that polls. The clock stands still while anybody works.
func tracking(t *testing.T, story func(*fakeECS, *tracker.Tracker, *heard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ecs, listener := &fakeECS{}, &heard{}
		tr := tracker.New(ecs, cluster, settled, listener, slog.New(slog.NewTextHandler(io.Discard, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- tr.Run(ctx) }()
		synctest.Wait()
		story(ecs, tr, listener)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run ended with %v", err)
		}
	})
}

// after lets time pass and everything that it starts come to rest.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
