package podstatus_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// initialised is a pod with init containers "one" and "two", a sidecar "proxy" between them, and a container "web".
func initialised(policy corev1.RestartPolicy) *corev1.Pod {
	pod := aPod(policy, "web")
	always := corev1.ContainerRestartPolicyAlways
	pod.Spec.InitContainers = []corev1.Container{{Name: "one"}, {Name: "proxy", RestartPolicy: &always}, {Name: "two"}}
	return pod
}

// at is the task in which containers are as told: RUNNING, or STOPPED with an exit code; the others are PENDING.
func (t aTask) at(states map[string]any) aTask {
	t = t.in("ACTIVATING")
	for i := range t.Containers {
		c := &t.Containers[i]
		switch state := states[*c.Name].(type) {
		case string:
			c.LastStatus, c.RuntimeId = &state, aws.String("r-"+*c.Name)
		case int:
			c.LastStatus, c.ExitCode, c.RuntimeId = aws.String("STOPPED"), aws.Int32(int32(state)), aws.String("r-"+*c.Name)
		}
	}
	return t
}

func shown(s corev1.ContainerStatus) string {
	switch {
	case s.State.Running != nil:
		return "running"
	case s.State.Terminated != nil:
		return s.State.Terminated.Reason
	case s.State.Waiting != nil:
		return s.State.Waiting.Reason
	}
	return ""
}

func TestInitContainersOnTheirWay(t *testing.T) {
	for name, row := range map[string]struct {
		why    string
		states map[string]any
		want   []string // of one, proxy, two and web
		ready  corev1.ConditionStatus
	}{
		"nothing yet":      {"kubelet's word for all of them", nil, []string{"PodInitializing", "PodInitializing", "PodInitializing", "PodInitializing"}, corev1.ConditionFalse},
		"the first runs":   {"users watch it", map[string]any{"one": "RUNNING"}, []string{"running", "PodInitializing", "PodInitializing", "PodInitializing"}, corev1.ConditionFalse},
		"the second runs":  {"beside the sidecar", map[string]any{"one": 0, "proxy": "RUNNING", "two": "RUNNING"}, []string{"Completed", "running", "running", "PodInitializing"}, corev1.ConditionFalse},
		"they are done":    {"the container is next", map[string]any{"one": 0, "proxy": "RUNNING", "two": 0}, []string{"Completed", "running", "Completed", "PodInitializing"}, corev1.ConditionTrue},
		"the second fails": {"it is seen at once, though ECS waits", map[string]any{"one": 0, "proxy": "RUNNING", "two": 4}, []string{"Completed", "running", "Error", "PodInitializing"}, corev1.ConditionFalse},
	} {
		t.Run(name, func(t *testing.T) {
			status := podstatus.FromTask(initialised(corev1.RestartPolicyAlways), newTask(1, "one", "proxy", "two", "web").at(row.states).Task)
			var got []string
			for _, s := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
				got = append(got, shown(s))
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.why, diff)
			}
			if c := podstatus.Condition(status.Conditions, corev1.PodInitialized); c.Status != row.ready || status.Phase != corev1.PodPending {
				t.Errorf("%s: phase %s, condition %+v", row.why, status.Phase, c)
			}
		})
	}
}

func TestFinished(t *testing.T) {
	several := func(policy corev1.RestartPolicy) *corev1.Pod { return aPod(policy, "a", "b") }
	kept := newTask(1, "a", "b", "vk-keeper")
	probed := initialised(corev1.RestartPolicyAlways)
	probed.Spec.InitContainers[1].StartupProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}}
	for name, row := range map[string]struct {
		pod  *corev1.Pod
		task ecstypes.Task
		want string
	}{
		"an init container failed":       {initialised(corev1.RestartPolicyAlways), newTask(1, "one", "proxy", "two", "web").at(map[string]any{"one": 1}).Task, "init container one failed"},
		"a sidecar ended":                {initialised(corev1.RestartPolicyAlways), newTask(1, "one", "proxy", "two", "web").at(map[string]any{"one": 0, "proxy": 1}).Task, ""},
		"a sidecar ended too early":      {probed, newTask(1, "one", "proxy", "two", "web").at(map[string]any{"one": 0, "proxy": 1}).Task, "sidecar proxy ended before it had started"},
		"a sidecar ended after others":   {probed, newTask(1, "one", "proxy", "two", "web").at(map[string]any{"one": 0, "proxy": 1, "two": 0}).Task, ""},
		"none of two has ended":          {several(corev1.RestartPolicyNever), kept.at(nil).Task, ""},
		"one of two has failed, Never":   {several(corev1.RestartPolicyNever), kept.at(map[string]any{"a": 1}).Task, ""},
		"one of two has failed":          {several(corev1.RestartPolicyOnFailure), kept.at(map[string]any{"a": 1}).Task, "container a failed"},
		"one of two has succeeded":       {several(corev1.RestartPolicyOnFailure), kept.at(map[string]any{"a": 0}).Task, ""},
		"both have ended":                {several(corev1.RestartPolicyNever), kept.at(map[string]any{"a": 1, "b": 0}).Task, "all containers have ended"},
		"both have ended without keeper": {several(corev1.RestartPolicyAlways), newTask(1, "a", "b").at(map[string]any{"a": 0, "b": 0}).Task, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := podstatus.Finished(row.pod, row.task); got != row.want {
				t.Errorf("want %q, got %q", row.want, got)
			}
		})
	}
}

// A task whose volumes could not be filled is stopped and tried again, whatever the restart policy: none of the pod's
// own containers has failed.
func TestVolumesThatCouldNotBeFilled(t *testing.T) {
	for _, policy := range []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever} {
		pod := aPod(policy, "web")
		for _, filler := range []string{"vk-image-model", "vk-dirs-web"} {
			if why := podstatus.Finished(pod, newTask(1, filler, "web").at(map[string]any{filler: 1}).Task); !strings.Contains(why, filler) {
				t.Errorf("%s: a task without the files of its image goes on: %q", policy, why)
			}
		}
		task := newTask(1, "vk-files", "web").at(map[string]any{"vk-files": 1})
		if why := podstatus.Finished(pod, task.Task); why == "" {
			t.Errorf("%s: the task goes on", policy)
		}
		task.LastStatus, task.StopCode, task.StoppedReason = aws.String("STOPPED"), ecstypes.TaskStopCodeUserInitiated, aws.String("virtual-kubelet: volumes")
		verdict := podstatus.Judge(pod, task.Task)
		if verdict.Action != podstatus.Retry || verdict.Reason != "FailedMount" || verdict.Message == "" {
			t.Errorf("%s: %+v", policy, verdict)
		}
		status := podstatus.FromTask(pod, task.Task)
		if status.Phase != corev1.PodPending || shown(status.ContainerStatuses[0]) != "FailedMount" || len(status.InitContainerStatuses) > 0 {
			t.Errorf("%s: phase %s, %+v", policy, status.Phase, status.ContainerStatuses)
		}
	}
}

// What came after a failed init container did not fail, whatever ECS says of it: it waits, as with kubelet.
func TestWhatCameAfterAFailedInitContainerWaits(t *testing.T) {
	pod := initialised(corev1.RestartPolicyNever)
	task := newTask(1, "one", "proxy", "two", "web").at(map[string]any{"one": 1})
	task.LastStatus, task.StopCode, task.StoppedReason = aws.String("STOPPED"), ecstypes.TaskStopCodeUserInitiated, aws.String("virtual-kubelet: init container one failed")
	for i := range task.Containers {
		if c := &task.Containers[i]; *c.Name != "one" {
			c.LastStatus, c.Reason = aws.String("STOPPED"), aws.String("CannotStartContainerError: dependency graph: dependency did not succeed: one")
			if *c.Name == "web" {
				c.ExitCode = aws.Int32(143)
			}
		}
	}
	status := podstatus.FromTask(pod, task.Task)
	var got []string
	for _, s := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
		got = append(got, shown(s))
	}
	if diff := cmp.Diff([]string{"Error", "PodInitializing", "PodInitializing", "PodInitializing"}, got); diff != "" || status.Phase != corev1.PodFailed {
		t.Errorf("phase %s (-want +got):\n%s", status.Phase, diff)
	}
}
