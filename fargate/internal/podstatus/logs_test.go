package podstatus_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

func TestLastRun(t *testing.T) {
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	ended := func(task string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "ecs://arn:task/" + task + "/runtime"}}
	}
	for name, c := range map[string]struct {
		reason      string
		state, last corev1.ContainerState
		before      bool
		want        string // the task, or the error
	}{
		"it runs":                        {"the usual case", running, corev1.ContainerState{}, false, "arn:task/now"},
		"it runs, the one before":        {"--previous after a restart", running, ended("before"), true, "arn:task/before"},
		"it runs, and never restarted":   {"kubelet's words", running, corev1.ContainerState{}, true, `previous terminated container "web" in pod "pod" not found`},
		"it has ended":                   {"a Job's log outlives its task", ended("now"), corev1.ContainerState{}, false, "arn:task/now"},
		"it waits between two attempts":  {"the log of the crash is what people want to see", waiting("CrashLoopBackOff"), ended("before"), false, "arn:task/before"},
		"its image cannot be pulled":     {"kubelet's words", waiting("ImagePullBackOff"), corev1.ContainerState{}, false, `container "web" in pod "pod" is waiting to start: trying and failing to pull image`},
		"it is being created":            {"kubelet's words", waiting("ContainerCreating"), corev1.ContainerState{}, false, `container "web" in pod "pod" is waiting to start: ContainerCreating`},
		"it ended before it had started": {"there never was a log", corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}, corev1.ContainerState{}, false, `container "web" in pod "pod" is terminated`},
		"nothing is known":               {"kubelet's words", corev1.ContainerState{}, corev1.ContainerState{}, false, `container "web" in pod "pod" is waiting to start - no logs yet`},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{}
			pod.Name = "pod"
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
				Name: "web", ContainerID: "ecs://arn:task/now/runtime", State: c.state, LastTerminationState: c.last,
			}}
			run, err := podstatus.LastRun(pod, "web", c.before)
			got := run.TaskARN
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
			}
		})
	}
}

func TestIsSameRun(t *testing.T) {
	const byName, byRuntime = "ecs://arn:aws:ecs:eu-west-1:1:task/vk/1/web", "ecs://arn:aws:ecs:eu-west-1:1:task/vk/1/1-265927825"
	if !podstatus.IsSameRun(byName, byRuntime) {
		t.Error("the runtime ID comes late: the container is the same")
	}
	if podstatus.IsSameRun("", "") || podstatus.IsSameRun(byName, "ecs://arn:aws:ecs:eu-west-1:1:task/vk/2/web") {
		t.Error("nothing, or another task, is no run of this container")
	}
}
