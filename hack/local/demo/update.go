package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// rollout is what was seen of a Deployment while it changed.
type rollout struct{ leastAvailable, mostReplicas int32 }

// update changes the image, kills the daemon when the first new pod appears, and starts it
// again. Meanwhile never fewer than three pods may be available, nor more than one be extra.
func (w *Walk) update(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	seen, err := w.watchRollout(watching, "nginx-deployment")
	if err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "set", "image", "deployment/nginx-deployment", "nginx=nginx:1.9.1"); err != nil {
		return err
	}
	if err := stack.Until(ctx, podsLimit, "the rollout has begun", w.begun); err != nil {
		return w.withPods(ctx, err)
	}
	if err := w.killAndStart(ctx); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "rollout", "status", "deployment/nginx-deployment", "--timeout=3m"); err != nil {
		return w.withPods(ctx, err)
	}
	stop()
	worst := <-seen
	w.say("during the rollout at least %d pods were available, and at most %d were wanted", worst.leastAvailable, worst.mostReplicas)
	if worst.leastAvailable < 3 || worst.mostReplicas > 4 {
		return errors.New("a rolling update of three replicas goes one at a time: want at least 3 available, at most 4 in all")
	}
	if err := w.awaitRunning(ctx, "app=nginx", 3, podsLimit); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "get", "pods", "-o", "wide"); err != nil {
		return err
	}
	return w.noneTwice(ctx)
}

// begun: the first pod of the new version exists.
func (w *Walk) begun(ctx context.Context) error {
	deployment, err := w.Stack.Kubernetes.AppsV1().Deployments(namespace).Get(ctx, "nginx-deployment", metav1.GetOptions{})
	if err == nil && (deployment.Status.ObservedGeneration < deployment.Generation || deployment.Status.UpdatedReplicas == 0) {
		err = errors.New("no pod of the new version exists")
	}
	return err
}

// killAndStart ends the daemon without a word and starts it again.
func (w *Walk) killAndStart(ctx context.Context) error {
	fmt.Fprintf(w.Out, "$ kill -9 %d    # virtual-kubelet\n", w.Stack.Daemon.PID())
	w.Stack.Daemon.Kill()
	if _, err := w.kubectl(ctx, "get", "pods", "-o", "wide"); err != nil {
		return err
	}
	return w.startDaemon(ctx)
}

func (w *Walk) startDaemon(ctx context.Context) error {
	fmt.Fprintln(w.Out, "$ ./virtual-kubelet --provider aws --provider-config fargate.toml &")
	return w.Stack.Daemon.Start(ctx)
}

// watchRollout sends what it saw when ctx ends. How many replicas are wanted is told by what the ReplicaSets are to have: each
// follows at its own pace, so that for a moment there may be more pods, and statuses add up what was at different times.
func (w *Walk) watchRollout(ctx context.Context, name string) (<-chan rollout, error) {
	apps := w.Stack.Kubernetes.AppsV1()
	deployments, err := apps.Deployments(namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("watch deployment %s: %w", name, err)
	}
	sets, err := apps.ReplicaSets(namespace).Watch(ctx, metav1.ListOptions{LabelSelector: "app=nginx"})
	if err != nil {
		deployments.Stop()
		return nil, fmt.Errorf("watch the ReplicaSets of %s: %w", name, err)
	}
	result := make(chan rollout, 1)
	go func() {
		worst, wanted := rollout{leastAvailable: 1 << 30}, map[types.UID]int32{}
		defer func() { result <- worst }()
		defer deployments.Stop()
		defer sets.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case event, open := <-deployments.ResultChan():
				deployment, ok := event.Object.(*appsv1.Deployment)
				if !open || !ok {
					return
				}
				worst.leastAvailable = min(worst.leastAvailable, deployment.Status.AvailableReplicas)
			case event, open := <-sets.ResultChan():
				set, ok := event.Object.(*appsv1.ReplicaSet)
				if !open || !ok {
					return
				}
				wanted[set.UID] = *set.Spec.Replicas
				worst.mostReplicas = max(worst.mostReplicas, sum(wanted))
			}
		}
	}()
	return result, nil
}

func sum(counts map[types.UID]int32) (all int32) {
	for _, n := range counts {
		all += n
	}
	return all
}

// restart stops the daemon as Ctrl-C does, and waits until Kubernetes itself finds the node silent.
func (w *Walk) restart(ctx context.Context) error {
	before, err := w.pods(ctx, "app=nginx")
	if err != nil {
		return err
	}
	fmt.Fprintf(w.Out, "$ kill %d    # virtual-kubelet\n", w.Stack.Daemon.PID())
	w.Stack.Daemon.Stop()
	w.say("Kubernetes calls a node NotReady when it has been silent for 50 seconds ...")
	started := time.Now()
	if err := stack.Until(ctx, notReadyLimit, "node virtual-kubelet is NotReady", w.notReady); err != nil {
		return err
	}
	w.say("NotReady after %s", time.Since(started).Round(time.Second))
	if _, err := w.kubectl(ctx, "get", "nodes"); err != nil {
		return err
	}
	if err := w.showECS(ctx); err != nil {
		return err
	}
	if err := w.startDaemon(ctx); err != nil {
		return err
	}
	if err := w.awaitRunning(ctx, "app=nginx", 3, podsLimit); err != nil {
		return err
	}
	after, err := w.pods(ctx, "app=nginx")
	if err != nil {
		return err
	}
	if err := samePods(before, after); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "get", "pods", "-o", "wide"); err != nil {
		return err
	}
	return w.noneTwice(ctx)
}

// notReady: a node that reports it itself (False) and one that fell silent (Unknown) are both so.
func (w *Walk) notReady(ctx context.Context) error {
	node, err := w.Stack.Kubernetes.CoreV1().Nodes().Get(ctx, w.Stack.Daemon.NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			return errors.New("it is Ready")
		}
	}
	return nil
}

func samePods(before, after []corev1.Pod) error {
	addresses := map[string]string{}
	for _, pod := range before {
		addresses[string(pod.UID)] = pod.Status.PodIP
	}
	for _, pod := range after {
		if addresses[string(pod.UID)] != pod.Status.PodIP {
			return fmt.Errorf("pod %s at %s was not there before the restart", pod.Name, pod.Status.PodIP)
		}
	}
	return nil
}
