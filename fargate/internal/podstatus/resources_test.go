package podstatus_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

func TestResourcesAreThoseAskedForOnceAContainerHasRun(t *testing.T) {
	pod := aPod(corev1.RestartPolicyAlways, "web")
	asked := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
	}
	pod.Spec.Containers[0].Resources = asked
	if got := podstatus.FromTask(pod, newTask(0, "web").in("PENDING").Task).ContainerStatuses[0]; got.Resources != nil || got.AllocatedResources != nil {
		t.Errorf("before it runs: %+v", got)
	}
	pod.Status = podstatus.FromTask(pod, newTask(0, "web").running().Task)
	for when, status := range map[string]corev1.PodStatus{
		"while it runs":    pod.Status,
		"between two runs": podstatus.Waiting(pod, "CrashLoopBackOff", "it crashed"),
	} {
		got := status.ContainerStatuses[0]
		if diff := cmp.Diff(&asked, got.Resources); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		if diff := cmp.Diff(asked.Requests, got.AllocatedResources); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
}

func TestResourcesStayThoseOfTheTask(t *testing.T) {
	cpu := func(quantity string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(quantity)}}
	}
	pod := aPod(corev1.RestartPolicyAlways, "web", "side")
	pod.Spec.Containers[0].Resources = cpu("250m")
	pod.Status = podstatus.FromTask(pod, newTask(0, "web", "side").running().Task)
	pod.Spec.Containers[0].Resources = cpu("4")
	for when, row := range map[string]struct {
		status     corev1.PodStatus
		want       string
		infeasible bool
	}{
		"the same task":         {podstatus.FromTask(pod, newTask(0, "web", "side").running().Task), "250m", true},
		"between two tasks":     {podstatus.Waiting(pod, "CrashLoopBackOff", "it crashed"), "250m", false},
		"the next task":         {podstatus.FromTask(pod, newTask(1, "web", "side").running().Task), "4", false},
		"a status said earlier": {podstatus.Resized(pod, podstatus.FromTask(pod, newTask(0, "web", "side").running().Task)), "250m", true},
	} {
		got := row.status.ContainerStatuses[0]
		if got.Resources.Requests.Cpu().String() != row.want || got.AllocatedResources.Cpu().String() != row.want {
			t.Errorf("%s: %+v", when, got)
		}
		before := len(row.status.Conditions)
		told := podstatus.Condition(podstatus.Resized(pod, row.status).Conditions, corev1.PodResizePending)
		if (told != nil) != row.infeasible || told != nil && (told.Reason != corev1.PodReasonInfeasible || !strings.Contains(told.Message, "[web]")) {
			t.Errorf("%s: condition %+v", when, told)
		}
		if all := podstatus.Resized(pod, podstatus.Resized(pod, row.status)).Conditions; len(all) > 6 || len(row.status.Conditions) != before {
			t.Errorf("%s: conditions %+v", when, all)
		}
	}
}

func TestUserIsToldWhereItIsKnown(t *testing.T) {
	for why, row := range map[string]struct {
		pod       *corev1.PodSecurityContext
		container *corev1.SecurityContext
		want      *corev1.LinuxContainerUser
	}{
		"the image says which":              {nil, nil, nil},
		"the pod's":                         {&corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000), RunAsGroup: ptr.To[int64](2000)}, nil, &corev1.LinuxContainerUser{UID: 1000, GID: 2000}},
		"the container's wins":              {&corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1000), RunAsGroup: ptr.To[int64](2000)}, &corev1.SecurityContext{RunAsUser: ptr.To[int64](0)}, &corev1.LinuxContainerUser{UID: 0, GID: 2000}},
		"the image says what group that is": {nil, &corev1.SecurityContext{RunAsUser: ptr.To[int64](1000)}, nil},
	} {
		t.Run(why, func(t *testing.T) {
			pod := aPod(corev1.RestartPolicyAlways, "web")
			pod.Spec.SecurityContext, pod.Spec.Containers[0].SecurityContext = row.pod, row.container
			got := podstatus.FromTask(pod, newTask(0, "web").running().Task).ContainerStatuses[0].User
			var want *corev1.ContainerUser
			if row.want != nil {
				want = &corev1.ContainerUser{Linux: row.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
