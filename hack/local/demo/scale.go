package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// twentyGoal is what twenty scripted replicas are to take, from kubectl create until the API
// server has all of them Running. It is printed beside the time, not enforced: this machine
// may be busy with other things.
const twentyGoal = 3 * time.Second

func (w *Walk) twenty(ctx context.Context) error {
	begin := time.Now()
	if err := w.manifest(ctx, "create", "nginx-twenty.yaml"); err != nil {
		return err
	}
	if err := w.awaitRunning(ctx, "app=nginx-twenty", 20, podsLimit); err != nil {
		return err
	}
	took := time.Since(begin).Round(10 * time.Millisecond)
	if _, err := w.kubectl(ctx, "get", "deployment", "nginx-twenty"); err != nil {
		return err
	}
	switch w.Stack.Runtime {
	case stack.Scripted:
		w.say("20 replicas were Running %s after kubectl create (goal: %s)", took, twentyGoal)
	default:
		w.say("20 replicas were Running %s after kubectl create, each a real container on this machine", took)
	}
	return w.oneDefinition(ctx)
}

// oneDefinition: all twenty tasks were started from the same revision of the same family.
func (w *Walk) oneDefinition(ctx context.Context) error {
	pods, err := w.pods(ctx, "app=nginx-twenty")
	if err != nil {
		return err
	}
	running, err := w.list(ctx, ecstypes.DesiredStatusRunning)
	if err != nil {
		return err
	}
	definitions := map[string]int{}
	for _, pod := range pods {
		for _, task := range ofPod(running, pod) {
			definitions[aws.ToString(task.TaskDefinitionArn)]++
		}
	}
	if len(definitions) != 1 {
		return fmt.Errorf("want one task definition for twenty pods of one template, got %v", definitions)
	}
	for arn := range definitions {
		return w.firstRevision(ctx, arn)
	}
	return nil
}

// firstRevision: nothing else was registered for them.
func (w *Walk) firstRevision(ctx context.Context, arn string) error {
	described, err := w.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(arn)})
	if err != nil {
		return fmt.Errorf("describe task definition: %w", err)
	}
	if described.TaskDefinition.Revision != 1 || !strings.Contains(arn, "vk-") {
		return fmt.Errorf("%s should be the first revision of a family of ours", arn)
	}
	w.say("all 20 are tasks of %s (%s CPU units, %s MiB)", arn,
		aws.ToString(described.TaskDefinition.Cpu), aws.ToString(described.TaskDefinition.Memory))
	return nil
}

func (w *Walk) scaleDown(ctx context.Context) error {
	if _, err := w.kubectl(ctx, "scale", "deployment/nginx-twenty", "--replicas=5"); err != nil {
		return err
	}
	if err := w.awaitRunning(ctx, "app=nginx-twenty", 5, podsLimit); err != nil {
		return err
	}
	if err := stack.Until(ctx, podsLimit, "the other 15 pods are gone", w.noneLeaves); err != nil {
		return w.withPods(ctx, err)
	}
	const want = 3 + 5 // of nginx-deployment and nginx-twenty
	err := stack.Until(ctx, podsLimit, fmt.Sprintf("ECS has %d tasks left", want), func(ctx context.Context) error {
		running, err := w.list(ctx, ecstypes.DesiredStatusRunning)
		if err == nil && len(running) != want {
			err = fmt.Errorf("there are %d", len(running))
		}
		return err
	})
	if err != nil {
		return w.withPods(ctx, err)
	}
	_, err = w.kubectl(ctx, "get", "pods", "-o", "wide")
	return err
}

// noneLeaves: no pod is on its way out any more.
func (w *Walk) noneLeaves(ctx context.Context) error {
	list, err := w.Stack.Kubernetes.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp != nil {
			return fmt.Errorf("pod %s is Terminating", pod.Name)
		}
	}
	return nil
}
