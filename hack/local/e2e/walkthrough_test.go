package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTheNodeIsWhatTheWalkthroughShows(t *testing.T) {
	node, err := cluster.Kubernetes.CoreV1().Nodes().Get(t.Context(), "virtual-kubelet", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"type":                           "virtual-kubelet",
		"kubernetes.io/role":             "agent",
		"kubernetes.io/os":               "linux",
		"kubernetes.io/hostname":         "virtual-kubelet",
		"topology.kubernetes.io/region":  "us-east-1",
		"eks.amazonaws.com/compute-type": "fargate",
		"node.kubernetes.io/exclude-from-external-load-balancers": "true",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = node.Labels[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	wantTaints := []corev1.Taint{{Key: "virtual-kubelet.io/provider", Value: "aws", Effect: corev1.TaintEffectPreferNoSchedule}}
	if diff := cmp.Diff(wantTaints, node.Spec.Taints); diff != "" {
		t.Errorf("manifests without a toleration must schedule, ordinary pods prefer ordinary nodes (-want +got):\n%s", diff)
	}
}

func TestADeploymentRunsAsTasks(t *testing.T) {
	r := newRoom(t)
	r.example("nginx-deployment.yaml")
	pods := r.untilPods("three pods are Running", "app=nginx", 3, running)
	definitions := map[string]bool{}
	for _, pod := range pods {
		if pod.Spec.NodeName != "virtual-kubelet" {
			t.Errorf("pod %s is on node %s", pod.Name, pod.Spec.NodeName)
		}
		if address, err := netip.ParseAddr(pod.Status.PodIP); err != nil || !r.Site.Tasks.Contains(address) {
			t.Errorf("pod %s has address %q, none of %s", pod.Name, pod.Status.PodIP, r.Site.Tasks)
		}
		tasks := r.tasksOf(&pod)
		if len(tasks) != 1 {
			t.Errorf("want one task for pod %s, got %d", pod.Name, len(tasks))
			continue
		}
		definitions[*tasks[0].TaskDefinitionArn] = true
	}
	if len(definitions) != 1 {
		t.Errorf("replicas share one task definition, got %v", definitions)
	}
}

func TestAJobEndsAsItsContainersEnd(t *testing.T) {
	cases := map[string]struct {
		command   string
		condition batchv1.JobConditionType
		phase     corev1.PodPhase
		code      int32
		pods      int // with backoffLimit: 1
	}{
		"success is Complete after one pod":             {"echo hello from Fargate", batchv1.JobComplete, corev1.PodSucceeded, 0, 1},
		"failure is Failed after backoffLimit is spent": {"exit 7", batchv1.JobFailed, corev1.PodFailed, 7, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.example("job.yaml", "echo hello from Fargate", c.command, "backoffLimit: 2", "backoffLimit: 1")
			r.until(fmt.Sprintf("the Job is %s", c.condition), func(ctx context.Context) error { return r.jobIs(ctx, c.condition) })
			for _, pod := range r.untilPods("its pods have ended", "job-name=hello", c.pods, ended) {
				got := pod.Status.ContainerStatuses[0].State.Terminated
				if pod.Status.Phase != c.phase || got.ExitCode != c.code || r.restarts(pod) != 0 {
					t.Errorf("want pod %s %s with exit code %d and no restart, got %s with %v", pod.Name, c.phase, c.code, pod.Status.Phase, got)
				}
				if tasks := r.tasksOf(&pod); len(tasks) != 1 {
					t.Errorf("pod %s has had %d tasks", pod.Name, len(tasks))
				}
			}
		})
	}
}

func (r room) jobIs(ctx context.Context, want batchv1.JobConditionType) error {
	job, err := r.Kubernetes.BatchV1().Jobs(r.namespace).Get(ctx, "hello", metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range job.Status.Conditions {
		if c.Type == want && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("its status is %+v", job.Status)
}

func ended(pod corev1.Pod) error {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Terminated == nil {
			return fmt.Errorf("container %s has not ended: %+v", c.Name, c.State)
		}
	}
	if len(pod.Status.ContainerStatuses) == 0 {
		return errors.New("it has no status of its containers")
	}
	return nil
}

func (r room) restarts(pod corev1.Pod) int32 {
	var all int32
	for _, c := range pod.Status.ContainerStatuses {
		all += c.RestartCount
	}
	return all
}
