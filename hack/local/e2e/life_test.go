package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAStatefulSetsSuccessorNeverMeetsItsTwin(t *testing.T) {
	r := newRoom(t)
	r.example("statefulset.yaml")
	r.untilPods("both pods are Running", "app=web", 2, running)
	before := r.pod("web-0")
	r.kubectl("delete", "pod", "web-0", "--wait=false")
	r.until("web-0 is another pod, and Running", func(ctx context.Context) error {
		after, err := r.Kubernetes.CoreV1().Pods(r.namespace).Get(ctx, "web-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if after.UID == before.UID {
			return fmt.Errorf("it is still the old one")
		}
		return running(*after)
	})
	old, successor := r.tasksOf(before), r.tasksOf(r.pod("web-0"))
	if len(old) != 1 || len(successor) != 1 {
		t.Fatalf("want one task for each of the two, got %d and %d", len(old), len(successor))
	}
	ended, began := aws.ToTime(old[0].ExecutionStoppedAt), aws.ToTime(successor[0].CreatedAt)
	if ended.IsZero() || began.Before(ended) {
		t.Errorf("the successor's task was made at %s, the old one's containers ended at %s", began, ended)
	}
}

func TestADaemonThatIsKilledAndStartedFindsItsTasks(t *testing.T) {
	r := newRoom(t)
	r.example("nginx-deployment.yaml")
	before := r.untilPods("three pods are Running", "app=nginx", 3, running)
	r.Daemon.Kill()
	r.kubectl("scale", "deployment/nginx-deployment", "--replicas=4") // while nobody listens
	if err := r.Daemon.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := r.untilPods("four pods are Running", "app=nginx", 4, running)
	stayed := map[string]corev1.Pod{}
	for _, pod := range after {
		stayed[pod.Name] = pod
	}
	for _, pod := range before {
		if got := stayed[pod.Name].Status.PodIP; got != pod.Status.PodIP {
			t.Errorf("pod %s was at %s and is at %q", pod.Name, pod.Status.PodIP, got)
		}
	}
	if tasks := r.tasks(); len(tasks) != 4 {
		t.Errorf("want four tasks for four pods, got %d", len(tasks))
	}
}
