package fargate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
)

var everything = labels.Everything()

// Recover takes up what already runs: the tasks of this node, running and stopped, are joined to their
// pods before any pod is created. It waits for AWS and the API server until ctx ends; what no waiting
// can mend, such as a subnet that does not exist, is an error.
func (p *Provider) Recover(ctx context.Context) error {
	if err := p.account.check(ctx, p.log); err != nil {
		return err
	}
	p.account.ensureLogGroup(ctx, p.log)
	if err := p.identify(ctx); err != nil {
		return err
	}
	tasks, err := p.ours(ctx)
	if err != nil {
		return err
	}
	pods, err := p.pods.List(everything)
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	p.adopt(pods, tasks)
	close(p.recovered)
	p.log.Info("recovered", "pods", len(pods), "tasks", len(tasks))
	return nil
}

// identify learns which cluster this is.
func (p *Provider) identify(ctx context.Context) error {
	return insist(ctx, func() error {
		namespace, err := p.client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
		if err != nil {
			p.log.Warn("ask for the cluster's identity: UID of namespace kube-system", "error", err)
			return err
		}
		p.owner = podid.Owner{ClusterUID: string(namespace.UID), NodeName: p.node.Name}
		p.secrets = secretstore.New(p.account.secrets, p.owner, p.account.config.Tags)
		return nil
	})
}

// ours are the tasks of this node by pod: for each pod that of its newest attempt.
func (p *Provider) ours(ctx context.Context) (map[types.UID]ecstypes.Task, error) {
	newest := map[types.UID]ecstypes.Task{}
	err := insist(ctx, func() error {
		tasks, err := p.tracker.List(ctx, p.owner.StartedBy())
		if err != nil {
			p.log.Warn("list the tasks of this node", "error", err)
			return err
		}
		for _, task := range tasks {
			id, ok := podid.FromTask(task)
			if !ok || id.Owner != p.owner {
				continue
			}
			if before, _ := podid.FromTask(newest[id.UID]); id.Attempt >= before.Attempt {
				newest[id.UID] = task
			}
		}
		return nil
	})
	return newest, err
}

// adopt joins the pods to the tasks found for them, and then those that only say what their task is: never
// to one that is another's. Pods without a task are taken in as new, but for one thing: the process before may
// have died in RunTask, and the lists be behind.
func (p *Provider) adopt(pods []*corev1.Pod, tasks map[types.UID]ecstypes.Task) {
	var claims []*join
	for _, pod := range pods {
		task := tasks[pod.UID]
		switch j := p.remembered(pod, task); {
		case j == nil:
			p.takeIn(pod, time.Now())
		case j.claimed:
			claims = append(claims, j)
		default:
			p.takeUp(j, task)
		}
	}
	for _, j := range claims {
		if _, taken := p.joins.ofTask(j.taskARN); !taken {
			p.takeUp(j, ecstypes.Task{})
		}
	}
}

// remembered is what is known of a pod from before; nil: nothing, for it has no task and never had one. One
// whose task is not to be seen is watched: the tracker tells what became of it.
func (p *Provider) remembered(pod *corev1.Pod, task ecstypes.Task) *join {
	j := &join{pod: pod, status: p.startingStatus(pod), failures: failuresOf(pod)}
	j.endingSince = deletedSince(pod)
	j.capacity = pod.Annotations[podid.AnnotationCapacity]
	id, found := podid.FromTask(task)
	annotated, attempt := annotatedTask(pod)
	final := over(pod.Status.Phase)
	switch {
	case found && (final || id.Attempt >= attempt):
		j.attempt, j.definition = id.Attempt, definitionOf(task)
		j.attach(aws.ToString(task.TaskArn))
		j.over = final && podstatus.Ended(task) // else others have failed the pod; Observed ends its task
	case final:
		j.over = true
	case annotated != "":
		j.attempt = attempt
		j.attach(annotated)
		j.claimed = true
	default:
		return nil
	}
	return j
}

// takeUp goes on with a pod where the process before left it.
func (p *Provider) takeUp(j *join, task ecstypes.Task) {
	uid, taskARN, ended := j.pod.UID, j.taskARN, j.over // others may change the join once it is added
	if !p.joins.add(j) || taskARN == "" || ended {
		return
	}
	p.joins.update(uid, p.watchDeadline)
	p.tracker.Watch(taskARN)
	p.tracker.Observe(task)
}

func over(phase corev1.PodPhase) bool {
	return phase == corev1.PodSucceeded || phase == corev1.PodFailed
}

// failuresOf seeds the back-off of a pod that restarted before this process began.
func failuresOf(pod *corev1.Pod) int {
	var most int32
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		most = max(most, container.RestartCount)
	}
	return int(most)
}

// annotatedTask is the task that the pod's annotations name, "" if they name none that we wrote: ours came
// with a status of the containers, and those of a manifest made from another pod did not.
func annotatedTask(pod *corev1.Pod) (taskARN string, attempt int) {
	if len(pod.Status.ContainerStatuses) == 0 {
		return "", 0
	}
	attempt, err := strconv.Atoi(pod.Annotations[podid.AnnotationAttempt])
	if err != nil || attempt < 0 {
		return "", 0
	}
	return pod.Annotations[podid.AnnotationTaskARN], attempt
}

// insist repeats until it succeeds or ctx ends, twice a second at first and every thirty seconds at last.
func insist(ctx context.Context, try func() error) error {
	pause := wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 100, Cap: 30 * time.Second}
	for {
		if try() == nil {
			return nil
		}
		timer := time.NewTimer(pause.Step())
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
