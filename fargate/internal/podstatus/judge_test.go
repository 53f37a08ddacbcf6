package podstatus_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// ends are the ways in which a task of one container can end.
var ends = map[string]struct {
	reason                         string // why the row matters
	task                           func(n int) aTask
	always, onFailure, never, gone string // sketch of the pod that ran before; gone: of one being deleted
}{
	"exit 0": {"a Job's success",
		func(n int) aTask { return ran(n, []string{"web"}, 0) },
		"Running | web: CrashLoopBackOff, last Completed 0",
		"Succeeded 10.0.1.7 | web: Completed 0",
		"Succeeded 10.0.1.7 | web: Completed 0",
		"Succeeded 10.0.1.7 | web: Completed 0"},
	"exit 3": {"a crash",
		func(n int) aTask { return ran(n, []string{"web"}, 3) },
		"Running | web: CrashLoopBackOff, last Error 3",
		"Running | web: CrashLoopBackOff, last Error 3",
		"Failed 10.0.1.7 | web: Error 3",
		"Failed 10.0.1.7 | web: Error 3"},
	"out of memory": {"the reason everybody looks for",
		func(n int) aTask {
			return ran(n, []string{"web"}, 137).because("OutOfMemoryError: Container killed due to memory usage")
		},
		"Running | web: CrashLoopBackOff, last OOMKilled 137",
		"Running | web: CrashLoopBackOff, last OOMKilled 137",
		"Failed 10.0.1.7 | web: OOMKilled 137",
		"Failed 10.0.1.7 | web: OOMKilled 137"},
	"out of memory, without a code": {"ECS tells only words",
		func(n int) aTask {
			return ran(n, []string{"web"}).because("OutOfMemoryError: Container killed due to memory usage")
		},
		"Running | web: CrashLoopBackOff, last OOMKilled 137",
		"Running | web: CrashLoopBackOff, last OOMKilled 137",
		"Failed 10.0.1.7 | web: OOMKilled 137",
		"Failed 10.0.1.7 | web: OOMKilled 137"},
	"no code": {"it ran, so an unknown end must pass neither for a success nor for a failure to start",
		func(n int) aTask { return ran(n, []string{"web"}) },
		"Running | web: CrashLoopBackOff, last ContainerStatusUnknown 137",
		"Running | web: CrashLoopBackOff, last ContainerStatusUnknown 137",
		"Failed 10.0.1.7 | web: ContainerStatusUnknown 137",
		"Failed 10.0.1.7 | web: ContainerStatusUnknown 137"},
	"stopped by us": {"for a pod that lives on in the API: its owner replaces it",
		func(n int) aTask {
			return newTask(n, "web").running().stopping("STOPPED", userStop, ours).exited(143)
		},
		"Failed 10.0.1.7 | web: Error 143",
		"Failed 10.0.1.7 | web: Error 143",
		"Failed 10.0.1.7 | web: Error 143",
		"Failed 10.0.1.7 | web: Error 143"},
	"stopped in the console": {"whoever it was, the pod is to run",
		func(n int) aTask {
			return newTask(n, "web").running().stopping("STOPPED", userStop, "Task stopped by user").exited(143)
		},
		"Running | web: CrashLoopBackOff, last Error 143",
		"Running | web: CrashLoopBackOff, last Error 143",
		"Failed(TaskStopped) 10.0.1.7 | web: Error 143",
		"Failed 10.0.1.7 | web: Error 143"},
	"stopped in the console, in good order": {"what was interrupted did not succeed",
		func(n int) aTask {
			return newTask(n, "web").running().stopping("STOPPED", userStop, "Task stopped by user").exited(0)
		},
		"Running | web: CrashLoopBackOff, last Completed 0",
		"Running | web: CrashLoopBackOff, last Completed 0",
		"Failed(TaskStopped) 10.0.1.7 | web: Completed 0",
		"Succeeded 10.0.1.7 | web: Completed 0"},
	"spot": {"a controller replaces the pod; podFailurePolicy can ignore it",
		func(n int) aTask {
			return newTask(n, "web").running().stopping("STOPPED", ecstypes.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.").exited(143)
		},
		"Failed(SpotInterruption) 10.0.1.7 DisruptionTarget(SpotInterruption) | web: Error 143",
		"Failed(SpotInterruption) 10.0.1.7 DisruptionTarget(SpotInterruption) | web: Error 143",
		"Failed(SpotInterruption) 10.0.1.7 DisruptionTarget(SpotInterruption) | web: Error 143",
		"Failed 10.0.1.7 | web: Error 143"},
	"retirement": {"the same, with days of notice",
		func(n int) aTask {
			return newTask(n, "web").running().stopping("STOPPED", ecstypes.TaskStopCodeTerminationNotice, "ECS is performing maintenance on the underlying infrastructure hosting the task.").exited(0)
		},
		"Failed(TaskRetirement) 10.0.1.7 DisruptionTarget(TaskRetirement) | web: Completed 0",
		"Failed(TaskRetirement) 10.0.1.7 DisruptionTarget(TaskRetirement) | web: Completed 0",
		"Failed(TaskRetirement) 10.0.1.7 DisruptionTarget(TaskRetirement) | web: Completed 0",
		"Succeeded 10.0.1.7 | web: Completed 0"},
	"infrastructure": {"the machine died, and the exit code with it",
		func(n int) aTask {
			return newTask(n, "web").running().stopping("STOPPED", ecstypes.TaskStopCodeInfrastructureHealth, "The infrastructure hosting the task is unhealthy.")
		},
		"Failed(InfrastructureHealth) 10.0.1.7 DisruptionTarget(InfrastructureHealth) | web: ContainerStatusUnknown 137",
		"Failed(InfrastructureHealth) 10.0.1.7 DisruptionTarget(InfrastructureHealth) | web: ContainerStatusUnknown 137",
		"Failed(InfrastructureHealth) 10.0.1.7 DisruptionTarget(InfrastructureHealth) | web: ContainerStatusUnknown 137",
		"Failed 10.0.1.7 | web: ContainerStatusUnknown 137"},
}

// starts are the ways in which a task can fail to start.
var starts = map[string]struct {
	reason           string
	words            string
	restarted, never string // sketch, by restart policy
	gone             string // of a pod being deleted
}{
	"image": {"kubelet retries pulls whatever the policy", "CannotPullContainerError: not found",
		"Pending | web: ImagePullBackOff", "Pending | web: ImagePullBackOff", "Failed 10.0.1.7 | web: StartError 128"},
	"secrets, logs": {"a role or a network that an operator can mend", "ResourceInitializationError: unable to pull secrets or registry auth",
		"Pending | web: CreateContainerConfigError", "Pending | web: CreateContainerConfigError", "Failed 10.0.1.7 | web: StartError 128"},
	"network": {"nothing of the pod ran", "Timeout waiting for network interface provisioning to complete.",
		"Pending | web: FailedCreatePodSandBox", "Pending | web: FailedCreatePodSandBox", "Failed 10.0.1.7 | web: StartError 128"},
	"capacity": {"nothing of the pod ran", "Capacity is unavailable at this time.",
		"Pending | web: InsufficientFargateCapacity", "Pending | web: InsufficientFargateCapacity", "Failed 10.0.1.7 | web: StartError 128"},
	"command": {"image and pod disagree: under Never the next attempt would end the same way", "CannotStartContainerError: exec: nope: not found",
		"Pending | web: RunContainerError", "Failed(RunContainerError) 10.0.1.7 | web: StartError 128", "Failed 10.0.1.7 | web: StartError 128"},
}

var policies = []corev1.RestartPolicy{corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever}

func TestEndOfATaskThatRan(t *testing.T) {
	for name, c := range ends {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{"Always": c.always, "OnFailure": c.onFailure, "Never": c.never, "deleted": c.gone}
			got := map[string]string{}
			for _, policy := range policies {
				pod := aPod(policy, "web")
				pod.Status = podstatus.FromTask(pod, newTask(0, "web").running().Task)
				got[string(policy)] = sketch(podstatus.FromTask(pod, c.task(0).Task))
				got["deleted"] = sketch(podstatus.FromTask(deleted(pod), c.task(0).Task))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestEndOfATaskThatNeverRan(t *testing.T) {
	for name, c := range starts {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{"Always": c.restarted, "OnFailure": c.restarted, "Never": c.never, "deleted": c.gone}
			got := map[string]string{}
			for _, policy := range policies {
				pod := aPod(policy, "web")
				got[string(policy)] = sketch(podstatus.FromTask(pod, neverRan(0, c.words, "web").Task))
				got["deleted"] = sketch(podstatus.FromTask(deleted(pod), neverRan(0, c.words, "web").Task))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestWordsForPeople(t *testing.T) {
	words := "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found"
	status := podstatus.FromTask(aPod(corev1.RestartPolicyAlways, "web"), neverRan(0, words, "web").Task)
	want := words + " (check the name and tag, and that the task's subnets reach the registry)"
	if got := status.ContainerStatuses[0].State.Waiting.Message; got != want {
		t.Errorf("a pod that waits for its image says %q, want AWS's words and the way out: %q", got, want)
	}
	status = podstatus.FromTask(aPod(corev1.RestartPolicyNever, "web"), neverRan(0, "CannotStartContainerError: exec: nope", "web").Task)
	if got := status.ContainerStatuses[0].State.Terminated.Message; got != "CannotStartContainerError: exec: nope" {
		t.Errorf("a container that did not start, and of which ECS says nothing, says %q: want the task's reason", got)
	}
}

func TestMissing(t *testing.T) {
	up := newTask(0, "web").running()
	for name, c := range map[string]struct {
		reason string
		pod    *corev1.Pod
		seen   []aTask
		action podstatus.Action
		want   string
	}{
		"Never": {"it may have run, so it may not run again",
			aPod(corev1.RestartPolicyNever, "web"), []aTask{up}, podstatus.Finish,
			"Failed(ContainerStatusUnknown) | web: ContainerStatusUnknown 137"},
		"Never, never seen": {"it was launched, so it may have run",
			aPod(corev1.RestartPolicyNever, "web"), nil, podstatus.Finish,
			"Failed(ContainerStatusUnknown) | web: ContainerStatusUnknown 137"},
		"Never, its success was seen": {"what is known stays true",
			aPod(corev1.RestartPolicyNever, "web"), []aTask{up.stopping("STOPPING", exitCode, exitWord).exited(0)}, podstatus.Finish,
			"Succeeded | web: Completed 0"},
		"Never, its failure was seen": {"with the code that was seen",
			aPod(corev1.RestartPolicyNever, "web"), []aTask{up.stopping("STOPPING", exitCode, exitWord).exited(4)}, podstatus.Finish,
			"Failed(ContainerStatusUnknown) | web: Error 4"},
		"OnFailure": {"nobody can say that it succeeded",
			aPod(corev1.RestartPolicyOnFailure, "web"), []aTask{up}, podstatus.Restart,
			"Running | web: ContainerStatusUnknown, last ContainerStatusUnknown 137"},
		"OnFailure, its success was seen": {"the API server lets it not run again",
			aPod(corev1.RestartPolicyOnFailure, "web"), []aTask{up.stopping("STOPPING", exitCode, exitWord).exited(0)}, podstatus.Finish,
			"Succeeded | web: Completed 0"},
		"Always, never seen": {"it waits as before: nothing is known to have run",
			aPod(corev1.RestartPolicyAlways, "web"), nil, podstatus.Restart,
			"Pending | web: ContainerStatusUnknown"},
		"Always, after a crash": {"the crash is the last end that is known",
			aPod(corev1.RestartPolicyAlways, "web"), []aTask{up, ran(0, []string{"web"}, 6), newTask(1, "web")}, podstatus.Restart,
			"Running | web: ContainerStatusUnknown, last Error 6"},
		"deleted": {"its end is told, or the object would stay",
			deleted(aPod(corev1.RestartPolicyAlways, "web")), []aTask{up}, podstatus.Finish,
			"Failed | web: ContainerStatusUnknown 137"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := c.pod
			for _, task := range c.seen {
				pod.Status = podstatus.FromTask(pod, task.Task)
			}
			got := podstatus.Missing(pod)
			if diff := cmp.Diff(c.want, sketch(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if verdict := podstatus.JudgeMissing(pod); verdict.Action != c.action {
				t.Errorf("%s: action %d, want %d", c.reason, verdict.Action, c.action)
			}
			for _, fault := range refusals(pod, got) {
				t.Errorf("the API server refuses it: %s", fault)
			}
		})
	}
}

// TestEveryWalk takes pods of every policy through every sequence of two tasks, each with every way to
// end, and holds each status to the API server's rules.
func TestEveryWalk(t *testing.T) {
	endings := map[string]func(n int) []aTask{}
	for name, end := range ends {
		endings[name] = func(n int) []aTask {
			last := end.task(n)
			onTheWay := newTask(n, "web").running().stopping("STOPPING", last.StopCode, aws.ToString(last.StoppedReason))
			onTheWay.Containers = last.Containers
			return []aTask{newTask(n, "web"), newTask(n, "web").running(), onTheWay, last}
		}
	}
	for name, start := range starts {
		endings[name] = func(n int) []aTask { return []aTask{newTask(n, "web"), neverRan(n, start.words, "web")} }
	}
	var walk func(t *testing.T, pod *corev1.Pod, n int, path string)
	walk = func(t *testing.T, pod *corev1.Pod, n int, path string) {
		for name, tasks := range endings {
			pod, path := pod.DeepCopy(), path+" > "+name
			var verdict podstatus.Verdict
			for _, task := range tasks(n) {
				next := podstatus.FromTask(pod, task.Task)
				for _, fault := range refusals(pod, next) {
					t.Errorf("%s, %s: %s\nbefore %s\nafter  %s", path, *task.LastStatus, fault, sketch(pod.Status), sketch(next))
				}
				if final(next.Phase) && !podstatus.Ended(task.Task) {
					t.Errorf("%s: phase %s while the task is %s", path, next.Phase, *task.LastStatus)
				}
				verdict = podstatus.Judge(pod, task.Task)
				pod.Status = next
			}
			if (verdict.Action == podstatus.Finish) != final(pod.Status.Phase) {
				t.Errorf("%s: action %d and phase %s contradict each other", path, verdict.Action, pod.Status.Phase)
			}
			if restarts := pod.Status.ContainerStatuses[0].RestartCount; int(restarts) > n {
				t.Errorf("%s: %d restarts in %d tasks", path, restarts, n+1)
			}
			if verdict.Action != podstatus.Finish && n < 1 {
				walk(t, pod, n+1, path)
			}
		}
	}
	for _, policy := range policies {
		t.Run(string(policy), func(t *testing.T) { walk(t, aPod(policy, "web"), 0, string(policy)) })
	}
}

func TestEndedAndSettled(t *testing.T) {
	up := newTask(0, "web", "log").running()
	stopping := func(last string) aTask { return up.stopping(last, exitCode, exitWord) }
	for name, c := range map[string]struct {
		task           aTask
		ended, settled bool
	}{
		"PROVISIONING":           {newTask(0, "web"), false, false},
		"PENDING":                {newTask(0, "web").in("PENDING"), false, false},
		"ACTIVATING":             {newTask(0, "web").in("ACTIVATING"), false, false},
		"RUNNING":                {up, false, true},
		"RUNNING, but to stop":   {stopping("RUNNING"), false, false},
		"DEACTIVATING":           {stopping("DEACTIVATING"), false, false},
		"STOPPING":               {stopping("STOPPING").exited(0, 0), false, false},
		"DEPROVISIONING":         {stopping("DEPROVISIONING"), false, false},
		"one end is unknown":     {stopping("DEPROVISIONING").exited(0), false, false},
		"all ends are known":     {stopping("DEPROVISIONING").exited(0, 1), true, false},
		"it never started":       {newTask(0, "web").stopping("DEPROVISIONING", ecstypes.TaskStopCodeTaskFailedToStart, ""), true, false},
		"STOPPED":                {stopping("STOPPED"), true, true},
		"DELETED":                {stopping("DELETED"), true, true},
		"a state to be invented": {up.in("DANCING"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := podstatus.Ended(c.task.Task); got != c.ended {
				t.Errorf("ended %v, want %v", got, c.ended)
			}
			if got := podstatus.Settled(c.task.Task); got != c.settled {
				t.Errorf("settled %v, want %v", got, c.settled)
			}
		})
	}
}
