package fargate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/containerlog"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// ContainerLogs reads what a container wrote, from CloudWatch Logs: of its task now or, with o.Previous,
// of the one before. What cannot be had is InvalidInput, worded as kubelet words it.
func (p *Provider) ContainerLogs(ctx context.Context, namespace, name, container string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	pod, err := p.logged(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	group, driver := taskdef.LogGroup(pod, p.account.settings())
	switch {
	case driver != "":
		return nil, errdefs.InvalidInput("the logs of this pod go elsewhere, by the log driver " + driver + " that its annotations ask for, and not to CloudWatch Logs; read them there")
	case group == "":
		return nil, errdefs.InvalidInput("no logs are kept: set CloudWatchLogGroupName and ExecutionRoleArn in fargate.toml")
	}
	run, err := podstatus.LastRun(pod, container, o.Previous)
	if err != nil {
		return nil, errdefs.AsInvalidInput(err)
	}
	stream := streamOf(group, pod, container, run.TaskARN)
	stream.Ended = func() (time.Time, bool) { return p.endOf(pod.UID, container, run) }
	logs, err := p.logs.Open(ctx, stream, o)
	switch {
	case errors.Is(err, containerlog.ErrSplitStream):
		return nil, errdefs.AsInvalidInput(err)
	case err != nil:
		return nil, fmt.Errorf("read the log of container %s in pod %s/%s: %w", container, namespace, name, err)
	}
	return logs, nil
}

// streamOf is the log of a container in a task.
func streamOf(group string, pod *corev1.Pod, container, taskARN string) containerlog.Stream {
	return containerlog.Stream{
		Group:   group,
		Name:    taskdef.LogStreamPrefix + "/" + container + "/" + lastPart(taskARN),
		Started: pod.CreationTimestamp.Time, // ECS tells when all containers of a task ran, not when each began
	}
}

// logged is a pod as we know it, or as the API server does: its status says which task it had, also before we
// have found that again.
func (p *Provider) logged(ctx context.Context, namespace, name string) (*corev1.Pod, error) {
	pod, err := p.GetPod(ctx, namespace, name)
	if err == nil {
		return pod, nil
	}
	if live, notThere := p.pods.Pods(namespace).Get(name); notThere == nil {
		return live, nil
	}
	return nil, err
}

// endOf tells whether a run of a container is over, and since when.
func (p *Provider) endOf(uid types.UID, container string, run podstatus.Ran) (time.Time, bool) {
	if run.Over {
		return run.Finished, true
	}
	j, known := p.joins.get(uid)
	if !known {
		return time.Now(), true
	}
	now, err := podstatus.LastRun(j.view(), container, false)
	if err != nil || now.TaskARN != run.TaskARN {
		return time.Now(), true // another task has followed
	}
	return now.Finished, now.Over
}
