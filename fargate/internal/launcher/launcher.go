// Package launcher starts and stops tasks, and keeps the task definitions they need.
//
// A definition belongs to a pod template: it is found by its family, which carries the digest of its
// content, and registered only where ECS has none. What was found or registered is remembered, and one
// registration serves all launches that wait for it. Starting is idempotent: the request carries a
// client token made of the pod's identity, and a conflict means that the task is there already.
//
// The package translates nothing, retries nothing and remembers no pod.
package launcher

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// API is what a Launcher asks of ECS; *ecs.Client satisfies it.
type API interface {
	RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
	ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error)
}

// Launcher starts and stops tasks. Its methods may be called at once.
type Launcher struct {
	api         API
	cluster     string
	definitions *definitions
}

// New returns a Launcher for an ECS cluster (name or ARN).
func New(api API, cluster string) *Launcher {
	return &Launcher{api: api, cluster: cluster, definitions: newDefinitions(api)}
}

// Launch starts the task of a translation, or finds it where it was started before. The task comes back
// as ECS knows it now: it may have stopped already. A refusal that RunTask answers with 200 is an
// *awserr.Failure. An *UnansweredError leaves open whether a task was started: launching the same
// translation again tells.
func (l *Launcher) Launch(ctx context.Context, tr taskdef.Translation) (ecstypes.Task, error) {
	arn, err := l.definitions.get(ctx, tr)
	if err != nil {
		return ecstypes.Task{}, err
	}
	defer l.definitions.release(tr)
	task, err := l.run(ctx, arn, tr.Run)
	if awserr.IsDefinitionGone(err) {
		// Somebody deregistered it behind our back; the next look registers it anew.
		l.definitions.forget(tr)
		if arn, err = l.definitions.ensure(ctx, tr); err != nil {
			return ecstypes.Task{}, err
		}
		task, err = l.run(ctx, arn, tr.Run)
	}
	return task, err
}

func (l *Launcher) run(ctx context.Context, definitionARN string, request *ecs.RunTaskInput) (ecstypes.Task, error) {
	in := *request
	in.TaskDefinition = &definitionARN
	out, err := l.api.RunTask(ctx, &in)
	if arns, conflict := awserr.Conflict(err); conflict && len(arns) > 0 {
		return l.adopt(ctx, arns[0]), nil
	}
	switch {
	case err != nil && unanswered(err):
		return ecstypes.Task{}, &UnansweredError{err}
	case err != nil:
		return ecstypes.Task{}, fmt.Errorf("run task: %w", err)
	case len(out.Failures) > 0:
		f := out.Failures[0]
		return ecstypes.Task{}, &awserr.Failure{Reason: aws.ToString(f.Reason), Detail: aws.ToString(f.Detail)}
	case len(out.Tasks) == 0:
		return ecstypes.Task{}, fmt.Errorf("run task: ECS answered with neither a task nor a failure")
	}
	return l.whole(ctx, out.Tasks[0]), nil
}

// whole describes a task of which RunTask told only ARN and status, as it does for a token whose task
// has stopped (ECS developer guide: "Ensuring idempotency").
func (l *Launcher) whole(ctx context.Context, task ecstypes.Task) ecstypes.Task {
	if len(task.Containers) > 0 {
		return task
	}
	return l.adopt(ctx, aws.ToString(task.TaskArn))
}

// adopt describes the task that exists for our client token. A task that ECS does not show comes back
// with its ARN alone, whatever the reason: that there is a task must not be lost, and who watches it sees
// the rest.
func (l *Launcher) adopt(ctx context.Context, taskARN string) ecstypes.Task {
	out, err := l.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &l.cluster, Tasks: []string{taskARN}})
	if err != nil || len(out.Tasks) == 0 {
		return ecstypes.Task{TaskArn: &taskARN}
	}
	return out.Tasks[0]
}

// Stop asks ECS to stop a task and does not wait for it. A task that ECS no longer knows is stopped.
func (l *Launcher) Stop(ctx context.Context, taskARN, why string) error {
	reason := awserr.StopReasonPrefix + why
	_, err := l.api.StopTask(ctx, &ecs.StopTaskInput{Cluster: &l.cluster, Task: &taskARN, Reason: &reason})
	if err != nil && !awserr.IsTaskGone(err) {
		return fmt.Errorf("stop task: %w", err)
	}
	return nil
}
