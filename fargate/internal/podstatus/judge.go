package podstatus

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// Action is what follows for a pod from the end of its task.
type Action int

const (
	Finish  Action = iota // the pod is over: Succeeded or Failed
	Restart               // another attempt; the containers ran, so back off as after a crash
	Retry                 // another attempt; nothing ran, so back off as after a failed image pull
)

// Verdict is the end of a task, judged by the pod's restart policy.
type Verdict struct {
	Action  Action
	Phase   corev1.PodPhase // for Finish
	Reason  string          // for Finish of the pod, else of its waiting containers
	Message string
	Init    string // the init container, or sidecar, that failed; "": none did

	interrupted []string // containers whose work is not done, whatever they exited with
}

// Judge decides what the end of a task means for its pod:
//
//	why it stopped              Always      OnFailure               Never
//	AWS took the machine        Failed, with a DisruptionTarget condition (a controller replaces the pod)
//	it never ran                next attempt, whatever the policy: kubelet retries pulls and sandboxes too
//	a container cannot start    next        next                    Failed
//	containers exited, all 0    next        Succeeded               Succeeded
//	containers exited, some not next        next                    Failed
//	somebody stopped it         next        next                    Failed
//	an init container failed    next        next                    Failed
//	a sidecar did, at its start next attempt, whatever the policy: kubelet restarts sidecars too
//	volumes were not filled     next attempt, whatever the policy: kubelet retries mounts too
//	the pod's deadline passed   Failed
//	we stopped it, or the pod   final phase by exit codes
//	is being deleted
//
// What we stop because of Finished, of a probe or of another image counts as exited; the rest is none of its doing. A
// container that was at work when the task was stopped, by us or somebody else, has not exited with 0, whatever it says.
func Judge(pod *corev1.Pod, task ecstypes.Task) Verdict {
	stop := awserr.Stopped(task)
	verdict := Verdict{Action: Finish, Phase: corev1.PodFailed, Reason: stop.Reason, Message: stop.Message}
	verdict.interrupted = interruptedContainers(pod, task)
	clean, failed := exitedCleanly(pod, task), failedInit(pod, task)
	if failed != nil && isSidecar(failed) && stop.Cause == awserr.StoppedByUser {
		failed = nil // it was stopped with the rest
	}
	_, kept := find(task, podid.KeeperName)
	if stop.Cause == awserr.Unhealthy || stop.Cause == awserr.StoppedByUs && (kept || failed != nil || unfilled(task) != "") {
		stop.Cause = awserr.Exited
	}
	switch {
	case pod.DeletionTimestamp != nil || stop.Cause == awserr.StoppedByUs:
		verdict.Phase, verdict.Reason, verdict.Message = byExitCodes(clean), "", ""
	case stop.Cause == awserr.DeadlinePassed: // Failed, whatever its containers did
	case unfilled(task) != "" && stop.Cause != awserr.Disrupted:
		verdict.Action, verdict.Reason, verdict.Message = Retry, reasonFailedMount, unfilled(task)
	case failed != nil && stop.Cause != awserr.Disrupted && (restarts(pod, false) || isSidecar(failed)):
		verdict.Action, verdict.Reason, verdict.Init = Restart, reasonCrashLoop, failed.Name
	case failed != nil && stop.Cause != awserr.Disrupted:
		verdict.Reason, verdict.Message, verdict.Init = "", "", failed.Name
	case stop.Cause == awserr.NeverRan:
		verdict.Action, verdict.Reason = Retry, inBackOff(stop.Reason)
	case stop.Cause == awserr.CannotStart && restarts(pod, false):
		verdict.Action = Retry
	case (stop.Cause == awserr.Exited || stop.Cause == awserr.StoppedByUser) && restarts(pod, clean):
		verdict.Action, verdict.Reason = Restart, reasonCrashLoop
	case stop.Cause == awserr.Exited && len(verdict.interrupted) == 0:
		verdict.Phase, verdict.Message = byExitCodes(clean), ""
	}
	return verdict
}

// JudgeMissing decides what it means for a pod that ECS no longer knows its task. Ends that were seen
// before count; of the rest nobody can tell, so they are failures.
func JudgeMissing(pod *corev1.Pod) Verdict {
	clean := !slices.ContainsFunc(pod.Spec.Containers, func(spec corev1.Container) bool {
		end := previous(pod, spec.Name).State.Terminated
		return end == nil || end.ExitCode != 0
	})
	switch {
	case pod.DeletionTimestamp != nil, clean && !restarts(pod, clean):
		return Verdict{Action: Finish, Phase: byExitCodes(clean)}
	case restarts(pod, clean):
		return Verdict{Action: Restart, Reason: reasonUnknown, Message: messageMissing}
	default:
		return Verdict{Action: Finish, Phase: corev1.PodFailed, Reason: reasonUnknown, Message: messageMissing}
	}
}

// restarts is Kubernetes' rule whether containers run again that ended well (clean) or not.
func restarts(pod *corev1.Pod, clean bool) bool {
	return pod.Spec.RestartPolicy == corev1.RestartPolicyAlways ||
		pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && !clean
}

func byExitCodes(clean bool) corev1.PodPhase {
	if clean {
		return corev1.PodSucceeded
	}
	return corev1.PodFailed
}

// inBackOff is what kubelet calls a failure while it waits for the next attempt.
func inBackOff(reason string) string {
	if reason == "ErrImagePull" {
		return "ImagePullBackOff"
	}
	return reason
}

// exitedCleanly reports whether every container of the pod exited with 0. Containers that AWS adds to
// tasks on its own account (aws-guardduty-agent-...) do not count.
func exitedCleanly(pod *corev1.Pod, task ecstypes.Task) bool {
	for i := range pod.Spec.Containers {
		spec := &pod.Spec.Containers[i]
		container, known := find(task, spec.Name)
		if before := previous(pod, spec.Name).State.Terminated; !known && before != nil && isFinal(pod, spec, before) && before.ExitCode == 0 {
			continue // it succeeded in an earlier task
		}
		if !known || container.ExitCode == nil || *container.ExitCode != 0 || interrupted(pod, task, spec.Name) {
			return false
		}
	}
	return true
}

// Finished says why a task that runs is to be stopped, for ECS does not see that its pod has ended; "": it has not.
//
//	volumes were not filled                     all others wait for that for ever
//	an init container failed                    those after it wait for its success for ever
//	a sidecar ended before it had started       likewise, for its startup probe
//	of several containers kept by a keeper      under Never all have ended; under OnFailure all have, or one has failed
func Finished(pod *corev1.Pod, task ecstypes.Task) string {
	if Ended(task) || aws.ToString(task.DesiredStatus) == stopped {
		return ""
	}
	if why := unfilled(task); why != "" {
		return why
	}
	switch failed := failedInit(pod, task); {
	case failed == nil:
	case isSidecar(failed):
		return "sidecar " + failed.Name + " ended before it had started"
	default:
		return "init container " + failed.Name + " failed"
	}
	if _, kept := find(task, podid.KeeperName); !kept {
		return ""
	}
	open := 0
	for i := range pod.Spec.Containers {
		container, known := find(task, pod.Spec.Containers[i].Name)
		switch {
		case !known:
		case !hasEnded(container):
			open++
		case (container.ExitCode == nil || *container.ExitCode != 0) && pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure:
			return "container " + pod.Spec.Containers[i].Name + " failed"
		}
	}
	if open > 0 {
		return ""
	}
	return endedAll
}

// concluded completes the status of a pod whose containers have ended.
func concluded(pod *corev1.Pod, status corev1.PodStatus, verdict Verdict) corev1.PodStatus {
	if verdict.Action == Finish {
		status.Phase, status.Reason, status.Message = verdict.Phase, verdict.Reason, verdict.Message
	} else {
		for i := range status.InitContainerStatuses {
			if s := &status.InitContainerStatuses[i]; s.Name == verdict.Init || isSidecar(&pod.Spec.InitContainers[i]) {
				await(pod, &pod.Spec.InitContainers[i], s, verdict)
			}
		}
		for i := range status.ContainerStatuses {
			await(pod, &pod.Spec.Containers[i], &status.ContainerStatuses[i], verdict)
		}
		status.PodIP, status.PodIPs = "", nil
		status.Phase = unfinished(pod, status.ContainerStatuses)
	}
	setConditions(pod, &status)
	return status
}

// await turns the end of a container into the wait for its next attempt. A container that ran leaves
// its end as last state; one that did not leaves no trace there, as with kubelet.
// One that may not run again keeps its end.
func await(pod *corev1.Pod, spec *corev1.Container, status *corev1.ContainerStatus, verdict Verdict) {
	if end := status.State.Terminated; end != nil && verdict.Action == Restart && isFinal(pod, spec, end) && !slices.Contains(verdict.interrupted, spec.Name) {
		return
	}
	if verdict.Init != "" && verdict.Init != spec.Name {
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reasonInitializing}}
		return
	}
	message := verdict.Message
	if verdict.Action == Restart {
		message = "back-off restarting the task: " + message
		if status.State.Terminated != nil {
			status.LastTerminationState.Terminated = status.State.Terminated
		}
	}
	status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: verdict.Reason, Message: message}}
}

// Missing is the status of a pod whose task was launched and is no longer known to ECS: it says what
// JudgeMissing decided.
func Missing(pod *corev1.Pod) corev1.PodStatus {
	verdict := JudgeMissing(pod)
	status := base(pod)
	missing := func(spec *corev1.Container) corev1.ContainerStatus {
		container := carriedOver(pod, spec)
		before := previous(pod, container.Name).State
		container.State.Terminated = before.Terminated
		if before.Terminated == nil && (before.Running != nil || verdict.Action == Finish) {
			container.State.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: exitUnknown, Reason: reasonUnknown, Message: messageMissing, ContainerID: container.ContainerID,
			}
		}
		return container
	}
	status.InitContainerStatuses = statuses(pod, pod.Spec.InitContainers, missing)
	status.ContainerStatuses = statuses(pod, pod.Spec.Containers, missing)
	return concluded(pod, status, verdict)
}

const messageMissing = "ECS no longer knows the task"

// Cancelled is the status of a pod that was deleted while it had no task: its containers are left as they
// ended last.
func Cancelled(pod *corev1.Pod) corev1.PodStatus {
	status, clean := withoutTask(pod, "the pod was deleted before its task started")
	return concluded(pod, status, Verdict{Action: Finish, Phase: byExitCodes(clean)})
}

// withoutTask has the containers of a pod that ends without a task as they ended last; why is said of those that never
// ran. It tells whether all have exited with 0, of which init containers say nothing.
func withoutTask(pod *corev1.Pod, why string) (status corev1.PodStatus, clean bool) {
	status = base(pod)
	left := func(spec *corev1.Container) corev1.ContainerStatus {
		container := carriedOver(pod, spec)
		end := previous(pod, container.Name).State.Terminated
		if end == nil {
			end, container.LastTerminationState.Terminated = container.LastTerminationState.Terminated, nil
		}
		if end == nil {
			end = &corev1.ContainerStateTerminated{
				ExitCode: exitUnknown, Reason: reasonUnknown, Message: why,
			}
		}
		clean = clean && end.ExitCode == 0
		container.State.Terminated = end
		return container
	}
	status.InitContainerStatuses = statuses(pod, pod.Spec.InitContainers, left)
	clean = true
	status.ContainerStatuses = statuses(pod, pod.Spec.Containers, left)
	return status, clean
}
