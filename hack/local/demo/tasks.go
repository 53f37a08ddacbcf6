package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// describeMost is how many tasks a call may ask for (API reference: DescribeTasks).
const describeMost = 100

func newECS(endpoint string) *ecs.Client {
	return ecs.New(ecs.Options{
		Region:       stack.Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// tasks: one task runs for each pod, at the pod's address, and says which pod it is.
func (w *Walk) tasks(ctx context.Context) error {
	if err := w.showECS(ctx); err != nil {
		return err
	}
	pods, err := w.pods(ctx, "app=nginx")
	if err != nil {
		return err
	}
	running, err := w.list(ctx, ecstypes.DesiredStatusRunning)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		mine := ofPod(running, pod)
		if len(mine) != 1 {
			return fmt.Errorf("want one task that says it is pod %s, there are %d", pod.Name, len(mine))
		}
		task := mine[0]
		if got := addressOf(task); got != pod.Status.PodIP {
			return fmt.Errorf("pod %s has address %s, its task %s", pod.Name, pod.Status.PodIP, got)
		}
		w.say("%s is task %s of %s", pod.Name, aws.ToString(task.TaskArn), aws.ToString(task.TaskDefinitionArn))
	}
	if len(running) != len(pods) {
		return fmt.Errorf("there are %d tasks for %d pods", len(running), len(pods))
	}
	return nil
}

// showECS shows what ECS has, as its own client prints it.
func (w *Walk) showECS(ctx context.Context) error {
	ok, err := w.aws(ctx, "ecs", "list-tasks")
	if err != nil {
		return err
	}
	if !ok {
		w.say("there is no AWS CLI here; what follows is asked with the SDK")
		return nil
	}
	_, err = w.aws(ctx, "ecs", "list-task-definitions")
	return err
}

// list returns the tasks of the cluster that should run, or those that should not.
func (w *Walk) list(ctx context.Context, desired ecstypes.DesiredStatus) ([]ecstypes.Task, error) {
	var arns []string
	pages := ecs.NewListTasksPaginator(w.ecs, &ecs.ListTasksInput{Cluster: aws.String(stack.Cluster), DesiredStatus: desired})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list tasks: %w", err)
		}
		arns = append(arns, page.TaskArns...)
	}
	var tasks []ecstypes.Task
	for some := range slices.Chunk(arns, describeMost) {
		described, err := w.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(stack.Cluster), Tasks: some})
		if err != nil {
			return nil, fmt.Errorf("describe tasks: %w", err)
		}
		tasks = append(tasks, described.Tasks...)
	}
	return tasks, nil
}

// podUID is the variable in which a task says whose it is.
const podUID = "VK_POD_UID"

func ofPod(tasks []ecstypes.Task, pod corev1.Pod) []ecstypes.Task {
	var mine []ecstypes.Task
	for _, task := range tasks {
		if uidOf(task) == string(pod.UID) {
			mine = append(mine, task)
		}
	}
	return mine
}

func uidOf(task ecstypes.Task) string {
	if task.Overrides == nil {
		return ""
	}
	for _, c := range task.Overrides.ContainerOverrides {
		for _, variable := range c.Environment {
			if aws.ToString(variable.Name) == podUID {
				return aws.ToString(variable.Value)
			}
		}
	}
	return ""
}

func addressOf(task ecstypes.Task) string {
	for _, attachment := range task.Attachments {
		for _, detail := range attachment.Details {
			if aws.ToString(detail.Name) == "privateIPv4Address" {
				return aws.ToString(detail.Value)
			}
		}
	}
	return ""
}

// noneTwice: over its whole life each pod had one task, whatever happened to the daemon.
func (w *Walk) noneTwice(ctx context.Context) error {
	perPod := map[string]int{}
	for _, desired := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped} {
		tasks, err := w.list(ctx, desired)
		if err != nil {
			return err
		}
		for _, task := range tasks {
			perPod[uidOf(task)]++
		}
	}
	for uid, count := range perPod {
		if count != 1 {
			return fmt.Errorf("the pod with UID %q has had %d tasks", uid, count)
		}
	}
	w.say("%d pods have had one task each", len(perPod))
	return nil
}

// clean deletes what is left, and waits until ECS is empty of it.
func (w *Walk) clean(ctx context.Context) error {
	for _, name := range []string{"nginx-twenty.yaml", "nginx-deployment.yaml", "nginx-service.yaml"} {
		if err := w.manifest(ctx, "delete", name); err != nil {
			return err
		}
	}
	if err := w.noneTwice(ctx); err != nil {
		return err
	}
	if err := stack.Until(ctx, podsLimit, "no task runs", w.noTask); err != nil {
		return w.withPods(ctx, err)
	}
	w.say("no task runs; definitions go after the keep time of 30s ...")
	// ListTaskDefinitions has a budget of its own: it is asked once a second.
	every := time.NewTicker(time.Second)
	defer every.Stop()
	err := stack.Until(ctx, definitionsLimit, "no task definition is ACTIVE", func(ctx context.Context) error {
		select {
		case <-every.C:
			return w.noDefinition(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil {
		return w.withPods(ctx, err)
	}
	return w.showECS(ctx)
}

func (w *Walk) noTask(ctx context.Context) error {
	running, err := w.list(ctx, ecstypes.DesiredStatusRunning)
	if err == nil && len(running) > 0 {
		err = fmt.Errorf("%d tasks are to run, the first is %s", len(running), aws.ToString(running[0].TaskArn))
	}
	if err != nil {
		return err
	}
	stopped, err := w.list(ctx, ecstypes.DesiredStatusStopped)
	if err != nil {
		return err
	}
	for _, task := range stopped {
		if aws.ToString(task.LastStatus) != "STOPPED" {
			return fmt.Errorf("task %s is %s", aws.ToString(task.TaskArn), aws.ToString(task.LastStatus))
		}
	}
	return nil
}

func (w *Walk) noDefinition(ctx context.Context) error {
	active, err := w.ecs.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{Status: ecstypes.TaskDefinitionStatusActive})
	if err == nil && len(active.TaskDefinitionArns) > 0 {
		err = fmt.Errorf("%v are", active.TaskDefinitionArns)
	}
	return err
}
