package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// bare is a pod of one container on the virtual node, and of no controller.
func bare(name, image string, more ...string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {nodeSelector: {type: virtual-kubelet}, containers: [{name: main, image: %q%s}]}}`,
		name, image, strings.Join(append([]string{""}, more...), ", "))
}

// waiting is the fact that a pod's container waits for a reason, with words in its message.
func waiting(reason, words string) func(corev1.Pod) error {
	return func(pod corev1.Pod) error {
		if len(pod.Status.ContainerStatuses) == 0 {
			return fmt.Errorf("it is %s %s and says nothing of its containers", pod.Status.Phase, pod.Status.Reason)
		}
		state := pod.Status.ContainerStatuses[0].State
		if state.Waiting == nil || state.Waiting.Reason != reason || !strings.Contains(state.Waiting.Message, words) {
			return fmt.Errorf("its container is %+v", state)
		}
		return nil
	}
}

// untilPod waits until one pod satisfies a fact.
func (r room) untilPod(name, what string, fact func(corev1.Pod) error) *corev1.Pod {
	r.Helper()
	var found *corev1.Pod
	r.until("pod "+name+" "+what, func(ctx context.Context) (err error) {
		if found, err = r.Kubernetes.CoreV1().Pods(r.namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
		return fact(*found)
	})
	return found
}

// untilGone waits until a pod's object, by UID, is gone.
func (r room) untilGone(pod *corev1.Pod) {
	r.Helper()
	r.until("pod "+pod.Name+" is gone", func(ctx context.Context) error {
		now, err := r.Kubernetes.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && now.UID != pod.UID {
			return nil
		}
		return fmt.Errorf("it is still there (%v)", err)
	})
}

func TestAPrivilegedBarePodFailsWithItsField(t *testing.T) {
	r := newRoom(t)
	r.apply(bare("privileged", "nginx:1.9.1", "securityContext: {privileged: true}"))
	pod := r.untilPod("privileged", "has failed", func(pod corev1.Pod) error {
		if pod.Status.Phase != corev1.PodFailed {
			return fmt.Errorf("it is %s", pod.Status.Phase)
		}
		return nil
	})
	if pod.Status.Reason != "UnsupportedPodSpec" || !strings.Contains(pod.Status.Message, "spec.containers[0].securityContext.privileged") {
		t.Errorf("reason %q, message %q", pod.Status.Reason, pod.Status.Message)
	}
	if described := r.kubectl("describe", "pod", "privileged"); !strings.Contains(described, "remove it") {
		t.Errorf("kubectl describe does not tell the way out:\n%s", described)
	}
}

func TestAPodTooLargeIsToldTheLargestSize(t *testing.T) {
	r := newRoom(t)
	r.apply(strings.Replace(bare("huge", "nginx:1.9.1", "resources: {requests: {cpu: 33}}"), "nodeSelector: {type: virtual-kubelet}", "nodeName: virtual-kubelet", 1))
	pod := r.untilPod("huge", "has failed", func(pod corev1.Pod) error {
		if pod.Status.Phase != corev1.PodFailed {
			return fmt.Errorf("it is %s", pod.Status.Phase)
		}
		return nil
	})
	// The node's own admission does not exist here: what is refused is Fargate's largest size.
	if !strings.Contains(pod.Status.Message, "32") {
		t.Errorf("message %q does not name the largest size", pod.Status.Message)
	}
}

func TestAPrivilegedDeploymentDoesNotSpin(t *testing.T) {
	r := newRoom(t)
	r.example("nginx-deployment.yaml", "replicas: 3", "replicas: 2", "image: nginx:1.7.9", "image: nginx:1.7.9\n          securityContext: {privileged: true}")
	r.untilPods("both pods wait with the reason", "app=nginx", 2, waiting("UnsupportedPodSpec", "privileged"))
	made := func() int {
		return strings.Count(r.kubectl("get", "events", "-o", "name", "--field-selector=reason=SuccessfulCreate"), "event/")
	}
	if n := made(); n > 2 {
		t.Errorf("%d pods were made at once", n)
	}
	r.until("the second round has come, after the back-off", func(context.Context) error {
		if n := made(); n < 4 {
			return fmt.Errorf("%d pods were made", n)
		}
		return nil
	})
}

func TestAnImageThatCannotBePulled(t *testing.T) {
	r := newRoom(t)
	r.Fargate.FailPull("nothing:1", "pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/nothing:1: not found")
	defer r.Fargate.FailPull("nothing:1", "")
	r.apply(bare("pull", "nothing:1"))
	pod := r.untilPod("pull", "is in back-off", waiting("ImagePullBackOff", "nothing:1"))
	if got := pod.Status.ContainerStatuses[0].RestartCount; got != 0 {
		t.Errorf("restart count %d of a container that never ran", got)
	}
	r.Fargate.FailPull("nothing:1", "")
	r.untilPod("pull", "is Running", running)
}

func TestAConfigMapThatComesLate(t *testing.T) {
	r := newRoom(t)
	r.apply(bare("late", "nginx:1.9.1", "envFrom: [{configMapRef: {name: settings}}]"))
	r.untilPod("late", "waits", waiting("CreateContainerConfigError", `configmap "settings" not found`))
	r.kubectl("create", "configmap", "settings", "--from-literal=COLOUR=blue")
	r.untilPod("late", "is Running", running)
}

func TestATaskStoppedByTheAWSCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIPPED: no aws CLI on this machine, so nobody else can stop the task")
	}
	r := newRoom(t)
	r.example("nginx-deployment.yaml", "replicas: 3", "replicas: 1")
	pod := r.untilPods("the pod is Running", "app=nginx", 1, running)[0]
	task := r.tasksOf(&pod)[0]
	command := exec.CommandContext(t.Context(), cli, "ecs", "stop-task", "--task", aws.ToString(task.TaskArn), "--reason", "an operator's whim")
	command.Env = append(os.Environ(), stack.Environment(r.Endpoint)...)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("aws ecs stop-task: %v\n%s", err, text)
	}
	r.untilPod(pod.Name, "runs again", func(pod corev1.Pod) error {
		if n := r.restarts(pod); n != 1 {
			return fmt.Errorf("restart count %d", n)
		}
		return running(pod)
	})
}

func TestADeletedPodStaysUntilItsTaskHasEnded(t *testing.T) {
	for name, story := range map[string]struct {
		before func(room)             // what is wrong when it is made
		fact   func(corev1.Pod) error // when it is deleted
		during func(room)             // what is wrong while it is deleted
	}{
		"AWS is down past the grace period": {
			fact:   running,
			during: func(r room) { r.Fargate.Break("", fargatesim.Fault{Refuse: true}) },
		},
		"it is still being launched": {
			before: func(r room) { r.Fargate.Inject("RunTask", 1, fargatesim.Fault{Delay: 5 * time.Second}) },
			fact:   waiting("ContainerCreating", ""),
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			t.Cleanup(r.Fargate.Mend)
			if story.before != nil {
				story.before(r)
			}
			r.apply(bare("web", "nginx:1.9.1"))
			pod := r.untilPod("web", "is as it is to be deleted", story.fact)
			if story.during != nil {
				story.during(r)
			}
			r.kubectl("delete", "pod", "web", "--wait=false", "--grace-period=2")
			if story.during != nil {
				r.until("the grace period is over for ten seconds", func(ctx context.Context) error {
					now, err := r.Kubernetes.CoreV1().Pods(r.namespace).Get(ctx, "web", metav1.GetOptions{})
					if err != nil || now.UID != pod.UID {
						return stack.Hopeless{Err: fmt.Errorf("the pod went while its task runs: %v", err)}
					}
					if over := time.Since(now.DeletionTimestamp.Time); over < 10*time.Second {
						return fmt.Errorf("it is over for %s", over)
					}
					return nil
				})
				r.Fargate.Mend()
			}
			r.untilGone(pod)
			for _, task := range r.tasksOf(pod) {
				if aws.ToTime(task.ExecutionStoppedAt).IsZero() && aws.ToString(task.LastStatus) != "STOPPED" {
					t.Errorf("the pod is gone and its task is %s", aws.ToString(task.LastStatus))
				}
			}
		})
	}
}

func TestAForceDeletedPodsTaskIsStopped(t *testing.T) {
	r := newRoom(t)
	r.apply(bare("web", "nginx:1.9.1"))
	pod := r.untilPod("web", "is Running", running)
	r.kubectl("delete", "pod", "web", "--force", "--grace-period=0")
	r.until("its task has stopped", func(context.Context) error {
		if task := r.tasksOf(pod)[0]; aws.ToString(task.LastStatus) != "STOPPED" {
			return fmt.Errorf("it is %s", aws.ToString(task.LastStatus))
		}
		return nil
	})
}

func TestWhatOthersWriteOnAPodSurvives(t *testing.T) {
	r := newRoom(t)
	r.apply(bare("web", "nginx:1.9.1"))
	pod := r.untilPod("web", "is Running", running)
	pods := r.Kubernetes.CoreV1().Pods(r.namespace)
	condition := `{"status":{"conditions":[{"type":"target-health.elbv2.k8s.aws/web","status":"True"}]}}`
	if _, err := pods.Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(condition), metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	metadata := `{"metadata":{"labels":{"mine":"yes"},"annotations":{"note":"keep"},"finalizers":["example.com/hold"]}}`
	if _, err := pods.Patch(t.Context(), "web", types.MergePatchType, []byte(metadata), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.Fargate.InterruptSpot(aws.ToString(r.tasksOf(pod)[0].TaskArn)) // another status of ours
	pod = r.untilPod("web", "has failed", func(pod corev1.Pod) error {
		if pod.Status.Phase != corev1.PodFailed {
			return fmt.Errorf("it is %s", pod.Status.Phase)
		}
		return nil
	})
	foreign := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == "target-health.elbv2.k8s.aws/web" })
	if !foreign || pod.Labels["mine"] != "yes" || pod.Annotations["note"] != "keep" || len(pod.Finalizers) != 1 {
		t.Errorf("conditions %v, labels %v, annotations %v, finalizers %v", pod.Status.Conditions, pod.Labels, pod.Annotations, pod.Finalizers)
	}
	if _, err := pods.Patch(t.Context(), "web", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestTwoDaemonsInOneECSCluster(t *testing.T) {
	r := newRoom(t)
	other, err := r.StartDaemon(t.Context(), stack.DaemonConfig{NodeName: "second", Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	onBoth := func(name, node string) string {
		return strings.Replace(bare(name, "nginx:1.9.1"), "type: virtual-kubelet", "kubernetes.io/hostname: "+node, 1)
	}
	r.apply(onBoth("first", "virtual-kubelet"))
	r.apply(onBoth("second", "second"))
	first, second := r.untilPod("first", "is Running", running), r.untilPod("second", "is Running", running)
	// Both processes start anew beside each other's tasks.
	other.Kill()
	r.Daemon.Kill()
	if err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Daemon.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.kubectl("delete", "pod", "second")
	if got := r.untilPod("first", "is Running", running); got.Status.PodIP != first.Status.PodIP || r.restarts(*got) != 0 {
		t.Errorf("the pod of the first daemon moved from %s to %s", first.Status.PodIP, got.Status.PodIP)
	}
	if tasks := r.tasksOf(second); len(tasks) != 1 {
		t.Errorf("the second daemon's pod has had %d tasks", len(tasks))
	}
	other.Stop()
	r.kubectl("delete", "node", "second")
}

func TestADaemonSetIsLeftAloneAndItsRolloutGoesOn(t *testing.T) {
	r := newRoom(t)
	r.apply(`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}},
		template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: agent, image: "nginx:1.9.1"}]}}}}`)
	r.kubectl("rollout", "status", "daemonset/agent", "--timeout=2m")
	for _, pod := range r.untilPods("there is one on each node", "app=agent", 3, func(corev1.Pod) error { return nil }) {
		if pod.Spec.NodeName != "virtual-kubelet" {
			continue
		}
		if err := waiting("NotRunOnFargate", "")(pod); err != nil || pod.Status.PodIP != "" {
			t.Errorf("%v, address %q", err, pod.Status.PodIP)
		}
	}
	if tasks := r.tasks(); len(tasks) != 0 {
		t.Errorf("%d tasks for a DaemonSet that is to be ignored", len(tasks))
	}
}

func TestANodeThatWasDeletedComesBack(t *testing.T) {
	r := newRoom(t)
	r.kubectl("delete", "node", "virtual-kubelet")
	r.until("the node is Ready again", func(ctx context.Context) error {
		node, err := r.Kubernetes.CoreV1().Nodes().Get(ctx, "virtual-kubelet", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue && len(node.Spec.Taints) > 0 {
				return nil
			}
		}
		return fmt.Errorf("conditions %v, taints %v", node.Status.Conditions, node.Spec.Taints)
	})
}

// The node exists already: its taint follows the settings of the next start, and comes back with the one after.
func TestTheTaintFollowsTheSettings(t *testing.T) {
	r := newRoom(t)
	taints := func(want string) {
		t.Helper()
		r.until("the node's taints are "+want, func(ctx context.Context) error {
			node, err := r.Kubernetes.CoreV1().Nodes().Get(ctx, r.Daemon.NodeName, metav1.GetOptions{})
			if err != nil {
				return err
			}
			var got []string
			for _, taint := range node.Spec.Taints {
				if !strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
					got = append(got, taint.ToString())
				}
			}
			if fmt.Sprint(got) != want {
				return fmt.Errorf("they are %v", got)
			}
			return nil
		})
	}
	restart := func(more ...string) {
		t.Helper()
		r.Daemon.Stop()
		if err := r.Daemon.StartWith(t.Context(), more...); err != nil {
			t.Fatal(err)
		}
	}
	restart("--disable-taint")
	taints("[]")
	restart()
	taints("[virtual-kubelet.io/provider=aws:PreferNoSchedule]")
}

func TestTheAPIServerIsGoneForAMinute(t *testing.T) {
	r := newRoom(t)
	r.example("nginx-deployment.yaml")
	before := r.untilPods("three pods are Running", "app=nginx", 3, running)
	gone := time.Now()
	r.StopAPIServer()
	lost := r.tasksOf(&before[0])[0]
	r.Fargate.InterruptSpot(aws.ToString(lost.TaskArn)) // what nobody can be told of
	r.until("it is gone for a minute", func(context.Context) error {
		if r.Daemon.Ended() != nil {
			return stack.Hopeless{Err: r.Daemon.Ended()}
		}
		if since := time.Since(gone); since < time.Minute {
			return fmt.Errorf("it is gone for %s", since)
		}
		return nil
	})
	if err := r.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Every client of the API server comes back in its own time: client-go waits up to half a minute
	// before it watches again, and what one does another waits for.
	err := stack.Until(t.Context(), 3*limit, "the interrupted pod has failed, and three others are Running", func(ctx context.Context) error {
		list, err := r.Kubernetes.CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		alive := 0
		for _, pod := range list.Items {
			if pod.Name == before[0].Name && pod.Status.Phase != corev1.PodFailed {
				return fmt.Errorf("pod %s is %s", pod.Name, pod.Status.Phase)
			}
			if running(pod) == nil {
				alive++
			}
		}
		if alive != 3 {
			return fmt.Errorf("%d pods are Running", alive)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range before[1:] {
		if now := r.pod(pod.Name); now.Status.PodIP != pod.Status.PodIP || r.restarts(*now) != 0 {
			t.Errorf("pod %s moved from %s to %s", pod.Name, pod.Status.PodIP, now.Status.PodIP)
		}
	}
	if tasks := r.tasks(); len(tasks) != 4 {
		t.Errorf("%d tasks for four pods", len(tasks))
	}
}
