// Package podstatus derives a pod's status from what is known of its task, and nothing else.
//
// The rules, for a task and the pod it runs for:
//
//	task lastStatus                      containers                          pod phase
//	none yet                             Waiting, with why                   Pending, or as before
//	PROVISIONING PENDING ACTIVATING      Waiting ContainerCreating           Pending, or Running between restarts
//	RUNNING                              as ECS says                         Running
//	DEACTIVATING STOPPING                as ECS says, none ready             Running
//	DEPROVISIONING STOPPED DELETED       Terminated, real exit codes         Judge decides: Succeeded, Failed, or another attempt
//	not known to ECS                     Terminated, as far as known         JudgeMissing decides
//
// A final phase comes with the end of the task and never before: virtual-kubelet takes in nothing more
// of a pod that has one. A container shown as Terminated stays so if the restart policy does not restart
// it: the API server refuses anything else.
//
// The pod handed in carries the status derived last, so restart counts and last states continue from
// it: a container ID that differs from the last one is a restart. Times come from the task alone;
// conditions get theirs where they are written. The package never asks a clock, an API or a cache.
package podstatus

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// Task states, ECS developer guide: "Task lifecycle".
const (
	running        = "RUNNING"
	stopped        = "STOPPED"
	deprovisioning = "DEPROVISIONING"
	deleted        = "DELETED"
)

// Ended reports whether the containers of the task have ended and will not run again.
// DEPROVISIONING counts once all ends are known: what is left then is the network interface.
func Ended(task ecstypes.Task) bool {
	switch aws.ToString(task.LastStatus) {
	case stopped, deleted:
		return true
	case deprovisioning:
		return task.StopCode == ecstypes.TaskStopCodeTaskFailedToStart || !slices.ContainsFunc(task.Containers, endUnknown)
	}
	return false
}

func endUnknown(container ecstypes.Container) bool {
	return aws.ToString(container.LastStatus) != stopped || container.ExitCode == nil
}

// Settled reports whether ECS is done with the task for now: running and meant to, or stopped for good.
// A task that is neither is about to change.
func Settled(task ecstypes.Task) bool {
	last, desired := aws.ToString(task.LastStatus), aws.ToString(task.DesiredStatus)
	return last == stopped || last == deleted || last == running && desired == running
}

// FromTask is the status of a pod whose newest task is this one. For an ended task it says what Judge
// decided: a final phase, or containers waiting for their next attempt.
func FromTask(pod *corev1.Pod, task ecstypes.Task) corev1.PodStatus {
	status := base(pod)
	status.PodIP, status.PodIPs = addresses(task)
	if Ended(task) {
		status.InitContainerStatuses = statuses(pod, pod.Spec.InitContainers, func(c *corev1.Container) corev1.ContainerStatus { return endedInit(pod, task, c) })
		status.ContainerStatuses = statuses(pod, pod.Spec.Containers, func(c *corev1.Container) corev1.ContainerStatus {
			if heldBack(pod, task, c) {
				return waitingUnlessEnded(carriedOver(pod, c), task)
			}
			return endedContainer(pod, task, c)
		})
		status = concluded(pod, status, Judge(pod, task))
	} else {
		status.InitContainerStatuses = statuses(pod, pod.Spec.InitContainers, func(c *corev1.Container) corev1.ContainerStatus { return initStatus(pod, task, c) })
		status.ContainerStatuses = statuses(pod, pod.Spec.Containers, func(c *corev1.Container) corev1.ContainerStatus { return containerStatus(pod, task, c) })
		status.Phase = unfinished(pod, status.ContainerStatuses)
		setConditions(pod, &status)
	}
	if stop := awserr.Stopped(task); stop.Cause == awserr.Disrupted && pod.DeletionTimestamp == nil {
		status.Conditions = append(status.Conditions, corev1.PodCondition{
			Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: stop.Reason, Message: stop.Message,
		})
	}
	return status
}

// Waiting is the status of a pod that has no task at the moment, and why. Where that is no more than ReasonCreating, a pod
// with init containers says PodInitializing instead, as with kubelet.
// Restart counts and last states stay; the address goes.
func Waiting(pod *corev1.Pod, reason, message string) corev1.PodStatus {
	status := base(pod)
	if reason == ReasonCreating {
		reason = reasonBefore(pod)
	}
	waiting := func(c *corev1.Container) corev1.ContainerStatus {
		container := carriedOver(pod, c)
		if container.State.Terminated == nil {
			container.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
		}
		return container
	}
	status.InitContainerStatuses = statuses(pod, pod.Spec.InitContainers, waiting)
	status.ContainerStatuses = statuses(pod, pod.Spec.Containers, waiting)
	status.Phase = unfinished(pod, status.ContainerStatuses)
	setConditions(pod, &status)
	return status
}

// statuses are those of a list of the pod's containers.
func statuses(pod *corev1.Pod, containers []corev1.Container, of func(*corev1.Container) corev1.ContainerStatus) []corev1.ContainerStatus {
	var all []corev1.ContainerStatus
	for i := range containers {
		all = append(all, withSpec(pod, &containers[i], of(&containers[i])))
	}
	return all
}

// Refused is the status of a pod that never runs, as kubelet's admission gives it: no container status.
func Refused(pod *corev1.Pod, reason, message string) corev1.PodStatus {
	status := base(pod)
	status.Phase, status.Reason, status.Message = corev1.PodFailed, reason, message
	setConditions(pod, &status)
	return status
}

// MessageDeadline is kubelet's, of a pod that was active for longer than its activeDeadlineSeconds.
const MessageDeadline = "Pod was active on the node longer than the specified deadline"

// Expired is the status of a pod whose deadline has passed while it had no task: its containers are left as they ended
// last.
func Expired(pod *corev1.Pod) corev1.PodStatus {
	status, _ := withoutTask(pod, "the pod's deadline passed before its task started")
	return concluded(pod, status, Verdict{Action: Finish, Phase: corev1.PodFailed, Reason: "DeadlineExceeded", Message: MessageDeadline})
}

// AtOnce is the status of a pod that is to be started anew without waiting, which no container tells as a back-off.
func AtOnce(pod *corev1.Pod, status corev1.PodStatus) corev1.PodStatus {
	status = *status.DeepCopy()
	for _, list := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range list {
			if waiting := list[i].State.Waiting; waiting != nil && waiting.Reason == reasonCrashLoop {
				*waiting = corev1.ContainerStateWaiting{Reason: reasonBefore(pod)}
			}
		}
	}
	return status
}

// base carries over what does not depend on the task.
func base(pod *corev1.Pod) corev1.PodStatus {
	return corev1.PodStatus{
		StartTime: pod.Status.StartTime,
		HostIP:    pod.Status.HostIP,
		HostIPs:   pod.Status.HostIPs,
		QOSClass:  pod.Status.QOSClass,
	}
}

// addresses are those of the task's elastic network interface, IPv4 first.
func addresses(task ecstypes.Task) (string, []corev1.PodIP) {
	var ips []corev1.PodIP
	for _, attachment := range task.Attachments {
		if aws.ToString(attachment.Type) != "ElasticNetworkInterface" {
			continue
		}
		if ip := detail(attachment, "privateIPv4Address"); ip != "" {
			ips = append(ips, corev1.PodIP{IP: ip})
		}
	}
	if ip := ipv6(task); ip != "" {
		ips = append(ips, corev1.PodIP{IP: ip})
	}
	if len(ips) == 0 {
		return "", nil
	}
	return ips[0].IP, ips
}

func detail(attachment ecstypes.Attachment, name string) string {
	for _, pair := range attachment.Details {
		if aws.ToString(pair.Name) == name {
			return aws.ToString(pair.Value)
		}
	}
	return ""
}

func ipv6(task ecstypes.Task) string {
	for _, container := range task.Containers {
		for _, nic := range container.NetworkInterfaces {
			if ip := aws.ToString(nic.Ipv6Address); ip != "" {
				return strings.ToLower(ip)
			}
		}
	}
	return ""
}

// unfinished is the phase of a pod that is not over, by kubelet's rule (getPhase): Pending while a
// container waits that never ran. Running does not fall back to Pending.
func unfinished(pod *corev1.Pod, containers []corev1.ContainerStatus) corev1.PodPhase {
	neverRan := func(c corev1.ContainerStatus) bool {
		return c.State.Waiting != nil && c.LastTerminationState.Terminated == nil
	}
	if pod.Status.Phase != corev1.PodRunning && slices.ContainsFunc(containers, neverRan) {
		return corev1.PodPending
	}
	return corev1.PodRunning
}
