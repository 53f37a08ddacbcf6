package tracker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// look describes these tasks. A batch that fails is looked at again next time; the others still count.
func (t *Tracker) look(ctx context.Context, taskARNs []string) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	for batch := range slices.Chunk(taskARNs, maxDescribe) {
		group.Go(func() error { return t.lookAt(ctx, batch) })
	}
	return group.Wait()
}

// lookAt describes one batch. ECS refuses all of it for one ARN that it cannot read, such as that of a
// task in another cluster; the halves tell which one, and no other task suffers from it.
func (t *Tracker) lookAt(ctx context.Context, batch []string) error {
	tasks, missing, err := t.describe(ctx, batch)
	refused := awserr.IsRefusal(err)
	switch {
	case refused && len(batch) > 1:
		half := len(batch) / 2
		return errors.Join(t.lookAt(ctx, batch[:half]), t.lookAt(ctx, batch[half:]))
	case refused:
		missing = batch
	}
	for _, task := range tasks {
		t.Observe(task)
	}
	for _, arn := range missing {
		t.missed(arn, refused)
	}
	return err
}

// describe returns what ECS knows of these tasks, and those that it does not know. Its own list of
// failures names them in its own form, so they are told by their absence.
func (t *Tracker) describe(ctx context.Context, taskARNs []string) (tasks []ecstypes.Task, missing []string, err error) {
	out, err := t.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &t.cluster, Tasks: taskARNs})
	if err != nil {
		return nil, nil, err
	}
	for _, arn := range taskARNs {
		is := func(task ecstypes.Task) bool { return aws.ToString(task.TaskArn) == arn }
		if !slices.ContainsFunc(out.Tasks, is) {
			missing = append(missing, arn)
		}
	}
	return out.Tasks, missing, nil
}

// missed notes that ECS does not know a watched task; calm: nor will it soon. The watch ends when that is
// no passing state.
func (t *Tracker) missed(taskARN string, calm bool) {
	t.mu.Lock()
	w := t.tasks[taskARN]
	lost := w != nil && w.miss()
	switch {
	case lost:
		delete(t.tasks, taskARN)
	case w != nil && calm:
		w.restless = false
	}
	t.mu.Unlock()
	if lost {
		t.listener.TaskMissing(taskARN)
	}
}

// miss notes an answer that did not know the task, and reports whether all have been such for the whole consistency
// window. A time without answers says nothing, so an outage begins the window anew; a look that fails now and then does
// not, or a task that is gone would never be lost.
func (w *watched) miss() (lost bool) {
	if time.Since(w.missedLast) >= silence {
		w.missedSince = time.Now()
	}
	w.missedLast = time.Now()
	return time.Since(w.missedSince) >= Consistency
}
