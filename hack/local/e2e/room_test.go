package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// limit of every wait. What is waited for takes a few seconds; the machine may be busy.
const limit = 2 * time.Minute

// room is a namespace of one test in a stack. It goes with the test, and its tasks with it.
type room struct {
	*testing.T
	*stack.Stack
	namespace string
}

// newRoom makes a namespace in the shared stack.
func newRoom(t *testing.T) room { return newRoomIn(t, cluster) }

func newRoomIn(t *testing.T, s *stack.Stack) room {
	t.Helper()
	made, err := s.Kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := room{t, s, made.Name}
	t.Cleanup(r.leave)
	r.until("namespace "+r.namespace+" has its service account", func(ctx context.Context) error {
		_, err := s.Kubernetes.CoreV1().ServiceAccounts(r.namespace).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return r
}

// leave deletes the namespace and waits until it is gone and none of its tasks runs.
func (r room) leave() {
	ctx := context.Background() // the test's own has ended
	if r.Failed() {
		r.explain(ctx)
	}
	err := r.Kubernetes.CoreV1().Namespaces().Delete(ctx, r.namespace, metav1.DeleteOptions{})
	if err != nil {
		r.Error(err)
		return
	}
	err = stack.Until(ctx, limit, "namespace "+r.namespace+" and its tasks are gone", func(ctx context.Context) error {
		for _, task := range r.tasks() {
			if status := aws.ToString(task.LastStatus); status != "STOPPED" {
				return fmt.Errorf("task %s is %s", aws.ToString(task.TaskArn), status)
			}
		}
		_, err := r.Kubernetes.CoreV1().Namespaces().Get(ctx, r.namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("the namespace is still there"), err)
	})
	if err != nil {
		r.explain(ctx)
		r.Error(err)
	}
}

// explain shows what a user would look at.
func (r room) explain(ctx context.Context) {
	for _, args := range [][]string{{"get", "pods", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"}} {
		text, _ := r.Stack.Kubectl(ctx, append(args, "-n", r.namespace)...).CombinedOutput()
		r.Logf("kubectl %s\n%s", strings.Join(args, " "), text)
	}
	if r.Daemon != nil {
		r.Log(r.Daemon.Tail())
	}
}

// kubectl runs a command that has to succeed, in the room, and returns its output.
func (r room) kubectl(args ...string) string {
	r.Helper()
	text, err := r.Stack.Kubectl(r.Context(), append(args, "-n", r.namespace)...).CombinedOutput()
	if err != nil {
		r.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return string(text)
}

// apply gives kubectl a manifest.
func (r room) apply(manifest string) {
	r.Helper()
	command := r.Stack.Kubectl(r.Context(), "apply", "-n", r.namespace, "-f", "-")
	command.Stdin = strings.NewReader(manifest)
	if text, err := command.CombinedOutput(); err != nil {
		r.Fatalf("kubectl apply: %v\n%s", err, text)
	}
}

// example applies a manifest of examples/, after replacing old by new in it.
func (r room) example(name string, oldnew ...string) {
	r.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", name))
	if err != nil {
		r.Fatal(err)
	}
	r.apply(strings.NewReplacer(oldnew...).Replace(string(text)))
}

// until waits for a fact.
func (r room) until(what string, fact func(context.Context) error) {
	r.Helper()
	if err := stack.Until(r.Context(), limit, what, fact); err != nil {
		r.Fatal(err)
	}
}

// pod returns a pod that has to be there.
func (r room) pod(name string) *corev1.Pod {
	r.Helper()
	pod, err := r.Kubernetes.CoreV1().Pods(r.namespace).Get(r.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.Fatal(err)
	}
	return pod
}

// untilPods waits until the pods of a selector are so many, and each satisfies fact.
func (r room) untilPods(what, selector string, count int, fact func(corev1.Pod) error) []corev1.Pod {
	r.Helper()
	var found []corev1.Pod
	r.until(what, func(ctx context.Context) error {
		list, err := r.Kubernetes.CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		if found = list.Items; len(found) != count {
			return fmt.Errorf("there are %d pods of %q, not %d", len(found), selector, count)
		}
		for _, pod := range found {
			if err := fact(pod); err != nil {
				return fmt.Errorf("pod %s: %w", pod.Name, err)
			}
		}
		return nil
	})
	return found
}

// running is the fact that a pod is Running and Ready.
func running(pod corev1.Pod) error {
	ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	if pod.Status.Phase != corev1.PodRunning || !ready || pod.DeletionTimestamp != nil {
		return fmt.Errorf("it is %s, Ready is %t, deleted is %t: %s", pod.Status.Phase, ready, pod.DeletionTimestamp != nil, pod.Status.Message)
	}
	return nil
}

// tasks returns the tasks of the room's pods, stopped ones included, oldest first.
func (r room) tasks() []ecstypes.Task {
	return slices.DeleteFunc(r.Fargate.Tasks(), func(task ecstypes.Task) bool {
		return variable(task, "VK_POD_NAMESPACE") != r.namespace
	})
}

// tasksOf returns those of one pod.
func (r room) tasksOf(pod *corev1.Pod) []ecstypes.Task {
	return slices.DeleteFunc(r.tasks(), func(task ecstypes.Task) bool {
		return variable(task, "VK_POD_UID") != string(pod.UID)
	})
}

// variable is what a task was told about itself.
func variable(task ecstypes.Task, name string) string {
	if task.Overrides == nil {
		return ""
	}
	for _, c := range task.Overrides.ContainerOverrides {
		for _, v := range c.Environment {
			if aws.ToString(v.Name) == name {
				return aws.ToString(v.Value)
			}
		}
	}
	return ""
}
