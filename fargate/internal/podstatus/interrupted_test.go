package podstatus_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// A container that was at work when its task was stopped has not done its work, whatever it exits with; what had ended
// before keeps its end.
func TestInterruptedWorkIsNotDone(t *testing.T) {
	const failed, probe, all = "virtual-kubelet: container a failed", "virtual-kubelet: unhealthy: container b failed its liveness probe", "virtual-kubelet: all containers have ended"
	for name, row := range map[string]struct {
		why    string
		policy corev1.RestartPolicy
		words  string
		before []int32 // exit codes of a, and b, before the task is stopped
		stop   string  // sketch while it stops, with the exit codes 0 of the rest
		end    string  // sketch when it has
	}{
		"a sibling failed": {"b works for an hour, and says 0 to SIGTERM", corev1.RestartPolicyOnFailure, failed, []int32{3},
			"Running 10.0.1.7 | a: Error 3 | b: running", "Running | a: CrashLoopBackOff, last Error 3 | b: CrashLoopBackOff, last Completed 0"},
		"a sibling had succeeded": {"which stays so", corev1.RestartPolicyOnFailure, probe, []int32{0},
			"Running 10.0.1.7 | a: Completed 0 | b: running", "Running | a: Completed 0 | b: CrashLoopBackOff, last Completed 0"},
		"a probe failed": {"an end on request is no success of a Job", corev1.RestartPolicyNever, probe, nil,
			"Running 10.0.1.7 | a: running | b: running", "Failed 10.0.1.7 | a: Completed 0 | b: Completed 0"},
		"all had ended": {"only the keeper was stopped", corev1.RestartPolicyNever, all, []int32{0, 0},
			"Running 10.0.1.7 | a: Completed 0 | b: Completed 0", "Succeeded 10.0.1.7 | a: Completed 0 | b: Completed 0"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := aPod(row.policy, "a", "b")
			task := newTask(0, "a", "b", "vk-keeper").running()
			pod.Status = podstatus.FromTask(pod, task.exited(row.before...).Task)
			codes := append(append([]int32(nil), row.before...), 0, 0)[:2]
			for last, want := range map[string]string{"DEACTIVATING": row.stop, "STOPPED": row.end} {
				task := task.stopping(last, userStop, row.words).exited(codes...)
				got := podstatus.FromTask(pod, task.Task)
				if diff := cmp.Diff(want, sketch(got)); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", row.why, last, diff)
				}
				for _, fault := range refusals(pod, got) {
					t.Errorf("%s: the API server refuses it: %s", last, fault)
				}
			}
		})
	}
}

// The process that stopped the task may not have told that all had ended: that they had is in the reason.
func TestNothingIsInterruptedWhereAllHadEnded(t *testing.T) {
	pod := aPod(corev1.RestartPolicyNever, "a", "b")
	task := newTask(0, "a", "b", "vk-keeper").running()
	pod.Status = podstatus.FromTask(pod, task.Task)
	got := podstatus.FromTask(pod, task.stopping("STOPPED", userStop, "virtual-kubelet: all containers have ended").exited(0, 0, 143).Task)
	if got.Phase != corev1.PodSucceeded {
		t.Errorf("phase %s", got.Phase)
	}
}

// Nothing waits for the exit code of a container that could not be started.
func TestOneOfSeveralCannotStart(t *testing.T) {
	broken := newTask(0, "b", "a", "vk-keeper").running().exited(0).withoutCodes().because("CannotStartContainerError: exec: nope: not found")
	for policy, want := range map[corev1.RestartPolicy]string{corev1.RestartPolicyNever: "", corev1.RestartPolicyOnFailure: "container b failed"} {
		pod := aPod(policy, "a", "b")
		if got := podstatus.Finished(pod, broken.Task); got != want {
			t.Errorf("%s: finished for %q, want %q", policy, got, want)
		}
		if got, want := sketch(podstatus.FromTask(pod, broken.Task)), "Running 10.0.1.7 | a: running | b: StartError 128"; got != want {
			t.Errorf("%s: %s, want %s", policy, got, want)
		}
	}
	pod := aPod(corev1.RestartPolicyNever, "a", "b")
	task := broken.clone()
	task.Containers[1].LastStatus, task.Containers[1].ExitCode = task.Containers[0].LastStatus, new(int32)
	if got := podstatus.Finished(pod, task.Task); got != "all containers have ended" {
		t.Errorf("when the other has ended: %q", got)
	}
}

func TestSidecarThatCannotStart(t *testing.T) {
	pod := initialised(corev1.RestartPolicyAlways)
	task := newTask(0, "proxy", "one", "two", "web").in("ACTIVATING").exited(0).withoutCodes().because("CannotStartContainerError: exec: nope: not found")
	if got := podstatus.Finished(pod, task.Task); got != "sidecar proxy ended before it had started" {
		t.Errorf("finished for %q: what comes after it would wait for ever", got)
	}
}

func TestExpiredContainersHaveEnded(t *testing.T) {
	pod := aPod(corev1.RestartPolicyAlways, "web")
	pod.Status = podstatus.Waiting(pod, "InsufficientFargateCapacity", "words")
	got := podstatus.Expired(pod)
	if want := "Failed(DeadlineExceeded) | web: ContainerStatusUnknown 137"; sketch(got) != want || got.Message != podstatus.MessageDeadline {
		t.Errorf("%s %q, want %s: kubectl shows a container's wait before the pod's reason", sketch(got), got.Message, want)
	}
}

func TestAtOnce(t *testing.T) {
	pod := aPod(corev1.RestartPolicyAlways, "web")
	pod.Status = podstatus.FromTask(pod, newTask(0, "web").running().Task)
	ended := podstatus.FromTask(pod, ran(0, []string{"web"}, 0).Task)
	if got, want := sketch(podstatus.AtOnce(pod, ended)), "Running | web: ContainerCreating, last Completed 0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := sketch(ended), "Running | web: CrashLoopBackOff, last Completed 0"; got != want {
		t.Errorf("it was changed: %s", got)
	}
}

// A sidecar's readiness is the pod's, and what becomes of it once the containers run does not undo their initialisation.
func TestConditionsOfSidecars(t *testing.T) {
	for name, row := range map[string]struct {
		why                string
		probe              bool
		states             map[string]any
		initialized, ready corev1.ConditionStatus
		words              string // of ContainersReady
	}{
		"it runs":         {"as all others do", false, map[string]any{"one": 0, "proxy": "RUNNING", "two": 0, "web": "RUNNING"}, corev1.ConditionTrue, corev1.ConditionTrue, ""},
		"it has ended":    {"and is not started again", false, map[string]any{"one": 0, "proxy": 1, "two": 0, "web": "RUNNING"}, corev1.ConditionTrue, corev1.ConditionFalse, "containers with unready status: [proxy]"},
		"it is not ready": {"as its probe says", true, map[string]any{"one": 0, "proxy": "RUNNING", "two": 0, "web": "RUNNING"}, corev1.ConditionTrue, corev1.ConditionFalse, "containers with unready status: [proxy]"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := initialised(corev1.RestartPolicyAlways)
			task := newTask(0, "one", "proxy", "two", "web").at(row.states).in("RUNNING")
			task.StartedAt = &noon
			status := podstatus.FromTask(pod, task.Task)
			if row.probe {
				status = podstatus.Probed(pod, status, podstatus.Probes{"proxy": {Started: true}})
			}
			all, ready := podstatus.Condition(status.Conditions, corev1.PodInitialized), podstatus.Condition(status.Conditions, corev1.ContainersReady)
			if all.Status != row.initialized || ready.Status != row.ready || ready.Message != row.words {
				t.Errorf("%s: %+v %+v", row.why, all, ready)
			}
		})
	}
}

// Until its startup probe or hook is asked for, a sidecar has not started.
func TestASidecarWithAStartupProbeHasNotStartedByItself(t *testing.T) {
	pod := initialised(corev1.RestartPolicyAlways)
	pod.Spec.InitContainers[1].StartupProbe = &corev1.Probe{}
	status := podstatus.FromTask(pod, newTask(0, "one", "proxy", "two", "web").at(map[string]any{"one": 0, "proxy": "RUNNING"}).Task)
	if s := status.InitContainerStatuses[1]; s.State.Running == nil || *s.Started || s.Ready {
		t.Errorf("%+v", s)
	}
}

// An image that cannot be pulled is tried again whatever the policy, also that of an init container: none has failed.
func TestAnInitContainersImageThatCannotBePulled(t *testing.T) {
	for _, policy := range policies {
		pod := initialised(policy)
		const words = "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"
		task := neverRan(0, words, "one", "proxy", "two", "web").because(words)
		if got := podstatus.Judge(pod, task.Task); got.Action != podstatus.Retry || got.Reason != "ImagePullBackOff" {
			t.Errorf("%s: %+v", policy, got)
		}
		stopping := task.clone()
		stopping.LastStatus = aws.String("DEPROVISIONING")
		for _, task := range []aTask{stopping, task} {
			s := podstatus.FromTask(pod, task.Task).InitContainerStatuses
			if shown(s[0]) != "ImagePullBackOff" || shown(s[2]) != "PodInitializing" {
				t.Errorf("%s, %s: %s, then %s: the API server lets no end be taken back", policy, *task.LastStatus, shown(s[0]), shown(s[2]))
			}
		}
	}
}

// A sidecar that somebody stopped while it started, with its whole task, has not failed.
func TestATaskStoppedInTheConsoleWhileItsSidecarStarts(t *testing.T) {
	pod := initialised(corev1.RestartPolicyNever)
	pod.Spec.InitContainers[1].StartupProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"up"}}}}
	task := newTask(0, "one", "proxy", "two", "web").at(map[string]any{"one": 0, "proxy": 143}).stopping("STOPPED", userStop, "Task stopped by user")
	if got := podstatus.Judge(pod, task.Task); got.Action != podstatus.Finish || got.Phase != corev1.PodFailed || got.Reason != "TaskStopped" {
		t.Errorf("%+v", got)
	}
}
