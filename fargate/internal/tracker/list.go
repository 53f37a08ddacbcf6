package tracker

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// List returns the tasks that were started by startedBy and that ECS still knows, running and stopped.
// ECS lists running tasks by startedBy, stopped ones only by cluster (API reference: ListTasks,
// "startedBy ... must be the only filter"): those of others are described and left out.
func (t *Tracker) List(ctx context.Context, startedBy string) ([]ecstypes.Task, error) {
	running, err := t.list(ctx, &ecs.ListTasksInput{Cluster: &t.cluster, StartedBy: &startedBy})
	if err != nil {
		return nil, fmt.Errorf("list running tasks: %w", err)
	}
	stopped, err := t.list(ctx, &ecs.ListTasksInput{Cluster: &t.cluster, DesiredStatus: ecstypes.DesiredStatusStopped})
	if err != nil {
		return nil, fmt.Errorf("list stopped tasks: %w", err)
	}
	arns := append(running, stopped...)
	slices.Sort(arns)
	var ours []ecstypes.Task
	for batch := range slices.Chunk(slices.Compact(arns), maxDescribe) {
		tasks, _, err := t.describe(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("describe tasks: %w", err)
		}
		for _, task := range tasks {
			if aws.ToString(task.StartedBy) == startedBy {
				ours = append(ours, task)
			}
		}
	}
	return ours, nil
}

func (t *Tracker) list(ctx context.Context, in *ecs.ListTasksInput) ([]string, error) {
	in.MaxResults = aws.Int32(maxList)
	var arns []string
	for {
		page, err := t.api.ListTasks(ctx, in)
		if err != nil {
			return nil, err
		}
		arns = append(arns, page.TaskArns...)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return arns, nil
		}
	}
}
