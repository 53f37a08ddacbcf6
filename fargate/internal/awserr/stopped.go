package awserr

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// StopReasonPrefix begins the reason of every StopTask of ours, and so the stopped reason of the task.
const StopReasonPrefix = "virtual-kubelet: "

// ReasonNotPrepared is the Reason of a task whose secrets, log group or access to a registry was not to be had.
const ReasonNotPrepared = "CreateContainerConfigError"

// What follows the prefix where the stop is not the end of the pod's object, and the next process has to know why.
const (
	StopUnhealthy = "unhealthy: "         // because of a probe: the containers are to start again
	StopChanged   = "changed: "           // the pod names another image: the containers are to start again
	StopDeadline  = "deadline exceeded: " // the pod has had its time, and has failed
)

// Cause is why a task stopped, as far as a pod is concerned.
type Cause int

const (
	Exited         Cause = iota // its containers ended: their exit codes tell the rest
	StoppedByUs                 // our own StopTask
	Unhealthy                   // the same, with StopUnhealthy or StopChanged
	DeadlinePassed              // the same, with StopDeadline
	StoppedByUser               // somebody else's StopTask: console, CLI
	NeverRan                    // it failed before its containers ran; the same attempt elsewhere or later may succeed
	CannotStart                 // a container could not be started: image and pod disagree
	Disrupted                   // AWS took the machine away
)

// Stop is the meaning of a stopped task.
type Stop struct {
	Cause   Cause
	Reason  string // the name Kubernetes users know; "" for Exited, Unhealthy and StoppedByUs
	Message string // AWS's own words, with a hint where one helps
}

// startFailures reads why a task failed to start; the first row counts whose text occurs, in small or
// capital letters. An error's name at the front says more than the words behind it, which may hold any
// error of a lower layer ("CannotStartContainerError: ResourceInitializationError: failed to create new
// container runtime task: ..."): hence the order.
// Wordings: ECS developer guide, "Stopped tasks error messages", "Resolve CannotPullContainer",
// "ResourceInitializationError", "Spot interruption".
var startFailures = []struct {
	text   string
	cause  Cause
	reason string
	hint   string
}{
	{"CannotStartContainerError", CannotStart, "RunContainerError", ""},
	{"CannotCreateContainerError", CannotStart, "CreateContainerError", ""},
	{"CannotCreateVolumeError", CannotStart, "CreateContainerError", ""},
	{"CannotInspectContainerError", CannotStart, "RunContainerError", ""},
	{"ContainerRuntime", CannotStart, "RunContainerError", ""}, // ContainerRuntimeError, ContainerRuntimeTimeoutError
	{"EFS utils", NeverRan, "FailedMount", "the file system must have a mount target that the task's subnets reach, in a security group that admits NFS (2049) from the task's"},
	{"ResourceInitializationError", NeverRan, ReasonNotPrepared, networkHint + "; secrets, log groups and registries also need the execution role's permission"},
	{"toomanyrequests", NeverRan, "ErrImagePull", "the registry limits anonymous pulls; use a mirror such as ECR pull-through cache"},
	{"no space left on device", NeverRan, "ErrImagePull", "the image does not fit on the task's disk"},
	{"manifest.v1+prettyjws", NeverRan, "ErrImagePull", "the image is stored in the old schema 1 format, which current runtimes refuse; push it again or use a newer tag"},
	{"descriptor matching platform", NeverRan, "ErrImagePull", "the image was not built for this node's architecture"},
	{"i/o timeout", NeverRan, "ErrImagePull", networkHint},
	{"CannotPull", NeverRan, "ErrImagePull", "check the name and tag, and that the task's subnets reach the registry"},
	{"pull image manifest has been retried", NeverRan, "ErrImagePull", networkHint},
	{"Capacity is unavailable", NeverRan, "InsufficientFargateCapacity", "AWS has no Fargate capacity left in this zone"},
	{"network interface", NeverRan, "FailedCreatePodSandBox", "the subnet may have no free addresses"},
	{"InternalError", NeverRan, "FailedCreatePodSandBox", ""},
}

const networkHint = "the task's subnets need a NAT gateway, a public address (AssignPublicIPv4Address) or VPC endpoints"

// Stopped tells what a task's end means. Of a task that still stops, only Disrupted is certain; of one
// that is not to stop, nothing is.
func Stopped(task ecstypes.Task) Stop {
	words := aws.ToString(task.StoppedReason)
	switch task.StopCode {
	case ecstypes.TaskStopCodeSpotInterruption:
		return Stop{Disrupted, "SpotInterruption", words}
	case ecstypes.TaskStopCodeTerminationNotice:
		return Stop{Disrupted, "TaskRetirement", words}
	case ecstypes.TaskStopCodeInfrastructureHealth, ecstypes.TaskStopCodeServiceSchedulerInitiated:
		return Stop{Disrupted, "InfrastructureHealth", words}
	case ecstypes.TaskStopCodeTaskFailedToStart:
		if reason := failedVolume(task); reason != "" {
			return Stop{NeverRan, "FailedAttachVolume", reason}
		}
		if stop, known := startFailure(task); known {
			return stop
		}
		return Stop{NeverRan, "FailedCreatePodSandBox", words}
	case ecstypes.TaskStopCodeUserInitiated:
		return stoppedByRequest(words)
	}
	if stop, known := startFailure(task); known && !ran(task) {
		return stop
	}
	return Stop{Cause: Exited, Message: words}
}

// failedVolume is why the task's EBS volume was not attached; "": it was, or there is none. (SDK doc: Attachment.)
func failedVolume(task ecstypes.Task) string {
	for _, a := range task.Attachments {
		if aws.ToString(a.Type) != "AmazonElasticBlockStorage" || aws.ToString(a.Status) != "FAILED" {
			continue
		}
		for _, d := range a.Details {
			if aws.ToString(d.Name) == "statusReason" {
				return aws.ToString(d.Value)
			}
		}
		return "the EBS volume could not be attached"
	}
	return ""
}

// stoppedByRequest tells our own requests from those of others.
func stoppedByRequest(words string) Stop {
	why, ours := strings.CutPrefix(words, StopReasonPrefix)
	if !ours {
		return Stop{StoppedByUser, "TaskStopped", words}
	}
	for _, prefix := range []string{StopUnhealthy, StopChanged} {
		if rest, found := strings.CutPrefix(why, prefix); found {
			return Stop{Cause: Unhealthy, Message: rest}
		}
	}
	if rest, found := strings.CutPrefix(why, StopDeadline); found {
		return Stop{DeadlinePassed, "DeadlineExceeded", rest}
	}
	return Stop{Cause: StoppedByUs, Message: words}
}

// ran reports whether anything of the task ran.
func ran(task ecstypes.Task) bool {
	return task.StartedAt != nil ||
		slices.ContainsFunc(task.Containers, func(c ecstypes.Container) bool { return c.ExitCode != nil })
}

// startFailure reads the task's stopped reason and, where that is general, its containers' reasons.
func startFailure(task ecstypes.Task) (stop Stop, known bool) {
	texts := []string{aws.ToString(task.StoppedReason)}
	for _, container := range task.Containers {
		texts = append(texts, aws.ToString(container.Reason))
	}
	for _, text := range texts {
		for _, row := range startFailures {
			if strings.Contains(strings.ToLower(text), strings.ToLower(row.text)) {
				return Stop{row.cause, row.reason, withHint(text, row.hint)}, true
			}
		}
	}
	return Stop{}, false
}

func withHint(words, hint string) string {
	if hint == "" {
		return words
	}
	return sentence(words) + " (" + hint + ")"
}
