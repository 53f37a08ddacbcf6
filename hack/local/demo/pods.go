package demo

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

const namespace = "default"

func (w *Walk) nodes(ctx context.Context) error {
	if _, err := w.kubectl(ctx, "get", "nodes"); err != nil {
		return err
	}
	node, err := w.Stack.Kubernetes.CoreV1().Nodes().Get(ctx, w.Stack.Daemon.NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if node.Labels["kubernetes.io/role"] != "agent" { // one of the two labels that the column ROLES comes from
		return fmt.Errorf("node %s does not have the role agent: %v", node.Name, node.Labels)
	}
	if node.Labels["type"] != "virtual-kubelet" || node.Status.NodeInfo.KubeletVersion == "" {
		return fmt.Errorf("node %s has labels %v and version %q", node.Name, node.Labels, node.Status.NodeInfo.KubeletVersion)
	}
	return nil
}

func (w *Walk) deploy(ctx context.Context) error {
	if err := w.manifest(ctx, "create", "nginx-deployment.yaml"); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "rollout", "status", "deployment/nginx-deployment", "--timeout=3m"); err != nil {
		return w.withPods(ctx, err)
	}
	if _, err := w.kubectl(ctx, "get", "pods", "-o", "wide"); err != nil {
		return err
	}
	pods, err := w.pods(ctx, "app=nginx")
	if err != nil {
		return err
	}
	return w.checkRunning(pods, 3)
}

// pods lists the pods of a selector that are not on their way out.
func (w *Walk) pods(ctx context.Context, selector string) ([]corev1.Pod, error) {
	list, err := w.Stack.Kubernetes.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	var staying []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			staying = append(staying, pod)
		}
	}
	return staying, nil
}

// checkRunning holds pods to "1/1 Running, 0 restarts, each with its own address, on the virtual node".
func (w *Walk) checkRunning(pods []corev1.Pod, want int) error {
	if len(pods) != want {
		return fmt.Errorf("want %d pods, there are %d", want, len(pods))
	}
	seen := map[string]string{}
	for _, pod := range pods {
		if err := w.checkPod(pod); err != nil {
			return fmt.Errorf("pod %s: %w", pod.Name, err)
		}
		if other, taken := seen[pod.Status.PodIP]; taken {
			return fmt.Errorf("pods %s and %s have the same address %s", other, pod.Name, pod.Status.PodIP)
		}
		seen[pod.Status.PodIP] = pod.Name
	}
	return nil
}

func (w *Walk) checkPod(pod corev1.Pod) error {
	if pod.Spec.NodeName != w.Stack.Daemon.NodeName {
		return fmt.Errorf("it is on node %q", pod.Spec.NodeName)
	}
	if !ready(pod) {
		return fmt.Errorf("it is not Running and Ready: %s %s", pod.Status.Phase, pod.Status.Message)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.RestartCount != 0 {
			return fmt.Errorf("container %s has restarted %d times", c.Name, c.RestartCount)
		}
	}
	address, err := netip.ParseAddr(pod.Status.PodIP)
	if err != nil || !w.Stack.Site.Tasks.Contains(address) {
		return fmt.Errorf("its address %q is none of %s", pod.Status.PodIP, w.Stack.Site.Tasks)
	}
	return nil
}

func ready(pod corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && pod.Status.Phase == corev1.PodRunning
		}
	}
	return false
}

// awaitRunning waits until the selector has exactly so many pods, all as they should be.
func (w *Walk) awaitRunning(ctx context.Context, selector string, want int, limit time.Duration) error {
	what := fmt.Sprintf("%d pods of %s are Running", want, selector)
	return w.withPods(ctx, stack.Until(ctx, limit, what, func(ctx context.Context) error {
		pods, err := w.pods(ctx, selector)
		if err != nil {
			return err
		}
		return w.checkRunning(pods, want)
	}))
}

// withPods shows what kubectl knows when something went wrong, before the error.
func (w *Walk) withPods(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	for _, args := range [][]string{{"get", "pods", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"}} {
		if _, failed := w.kubectl(ctx, args...); failed != nil {
			return fmt.Errorf("%w (and kubectl cannot show more: %w)", err, failed)
		}
	}
	return fmt.Errorf("%w\nvirtual-kubelet's log ends:\n%s", err, w.Stack.Daemon.Tail())
}

// ordinary: neither a taint nor a change to the manifest keeps these off Fargate.
func (w *Walk) ordinary(ctx context.Context) error {
	for _, name := range []string{"ordinary-deployment.yaml", "privileged-pod.yaml"} {
		if err := w.manifest(ctx, "create", name); err != nil {
			return err
		}
	}
	if _, err := w.kubectl(ctx, "rollout", "status", "deployment/ordinary", "--timeout=2m"); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "wait", "--for=condition=Ready", "pod/privileged", "--timeout=2m"); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "get", "pods", "-o", "wide"); err != nil {
		return err
	}
	list, err := w.Stack.Kubernetes.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range list.Items {
		fargate := pod.Spec.NodeSelector["type"] == "virtual-kubelet"
		if !fargate && pod.Spec.NodeName == w.Stack.Daemon.NodeName {
			return fmt.Errorf("pod %s never asked for the virtual node and is on it", pod.Name)
		}
	}
	for _, args := range [][]string{{"delete", "deployment", "ordinary"}, {"delete", "pod", "privileged", "--now"}} {
		if _, err := w.kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
