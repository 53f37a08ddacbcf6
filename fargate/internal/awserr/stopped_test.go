package awserr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

const (
	network  = "the task's subnets need a NAT gateway, a public address (AssignPublicIPv4Address) or VPC endpoints"
	initHint = network + "; secrets, log groups and registries also need the execution role's permission"
	pullHint = "check the name and tag, and that the task's subnets reach the registry"
)

func stopped(code ecstypes.TaskStopCode, reason string, containers ...ecstypes.Container) ecstypes.Task {
	return ecstypes.Task{LastStatus: aws.String("STOPPED"), StopCode: code, StoppedReason: &reason, Containers: containers}
}

func failed(reason string, containers ...ecstypes.Container) ecstypes.Task {
	return stopped(ecstypes.TaskStopCodeTaskFailedToStart, reason, containers...)
}

func saying(reason string) ecstypes.Container { return ecstypes.Container{Reason: &reason} }

func TestStartFailures(t *testing.T) {
	for name, c := range map[string]struct {
		reason string // why the row matters
		words  string // AWS's
		cause  awserr.Cause
		want   string // the reason Kubernetes users know
		hint   string
	}{
		"image not found": {"the commonest mistake of all",
			"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/ngins:1.27: pull access denied, repository does not exist or may require authorization",
			awserr.NeverRan, "ErrImagePull", pullHint},
		"no way to the registry": {"a private subnet without a NAT gateway",
			`CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:latest: failed to do request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/latest": dial tcp 44.205.64.79:443: i/o timeout`,
			awserr.NeverRan, "ErrImagePull", network},
		"cut words": {"platform 1.4 cuts long messages, at the front too",
			"pull image manifest has been retried 7 time(s)",
			awserr.NeverRan, "ErrImagePull", network},
		"pull limit": {"Docker Hub counts by address, and a NAT gateway has one",
			"CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit",
			awserr.NeverRan, "ErrImagePull", "the registry limits anonymous pulls; use a mirror such as ECR pull-through cache"},
		"disk too small": {"an image of more than 20 GiB unpacked",
			"CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer sha256:1f: write /var/lib: no space left on device: unknown",
			awserr.NeverRan, "ErrImagePull", "the image does not fit on the task's disk"},
		"other architecture": {"an image built on a laptop with an ARM processor",
			"CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
			awserr.NeverRan, "ErrImagePull", "the image was not built for this node's architecture"},
		"image of an old format": {"old images of quay.io",
			`CannotPullContainerError: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1`,
			awserr.NeverRan, "ErrImagePull", "the image is stored in the old schema 1 format, which current runtimes refuse; push it again or use a newer tag"},
		"no way to ECR or Secrets Manager": {"the words end as those of a failed pull do, yet no image was asked for",
			"ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 10.0.0.7:443: i/o timeout",
			awserr.NeverRan, "CreateContainerConfigError", initHint},
		"no log group": {"the group was deleted behind our back",
			"ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
			awserr.NeverRan, "CreateContainerConfigError", initHint},
		"command not in the image": {"it names an initialization error too, but the pod's command is wrong",
			`CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file or directory: unknown`,
			awserr.CannotStart, "RunContainerError", ""},
		"disk full at start": {"not an image that is too large",
			"CannotCreateContainerError: API error (500): devmapper: no space left on device",
			awserr.CannotStart, "CreateContainerError", ""},
		"volume": {"of the rarer ones", "CannotCreateVolumeError: volume not found",
			awserr.CannotStart, "CreateContainerError", ""},
		"inspection": {"of the rarer ones", "CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s",
			awserr.CannotStart, "RunContainerError", ""},
		"runtime": {"of the rarer ones", "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 3m0s",
			awserr.CannotStart, "RunContainerError", ""},
		"no capacity": {"capacity can go between RunTask and the start",
			"Capacity is unavailable at this time. Please try again later or in a different availability zone",
			awserr.NeverRan, "InsufficientFargateCapacity", "AWS has no Fargate capacity left in this zone"},
		"no address": {"a subnet of 256 addresses is soon full",
			"Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-0a': InsufficientFreeAddressesInSubnet",
			awserr.NeverRan, "FailedCreatePodSandBox", "the subnet may have no free addresses"},
		"slow interface": {"AWS's own trouble: the next attempt gets another",
			"Timeout waiting for network interface provisioning to complete.",
			awserr.NeverRan, "FailedCreatePodSandBox", "the subnet may have no free addresses"},
		"a fault inside AWS": {"nothing to advise", "InternalError: failed to initialize",
			awserr.NeverRan, "FailedCreatePodSandBox", ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := awserr.Stop{Cause: c.cause, Reason: c.want, Message: c.words}
			if c.hint != "" {
				want.Message = strings.TrimSuffix(c.words, ".") + " (" + c.hint + ")"
			}
			for where, task := range map[string]ecstypes.Task{
				"in the task's reason":      failed(c.words),
				"in a container's reason":   failed("Task failed to start", saying(""), saying(c.words)),
				"under the general code":    stopped(ecstypes.TaskStopCodeEssentialContainerExited, c.words),
				"under no code that exists": stopped("", c.words),
			} {
				if diff := cmp.Diff(want, awserr.Stopped(task)); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", c.reason, where, diff)
				}
			}
		})
	}
}

func TestStopped(t *testing.T) {
	exited := func(code int32) ecstypes.Container {
		return ecstypes.Container{LastStatus: aws.String("STOPPED"), ExitCode: &code}
	}
	for name, c := range map[string]struct {
		reason string
		task   ecstypes.Task
		want   awserr.Stop
	}{
		"EFS": {"a mount that failed is no fault of secrets or logs",
			stopped(ecstypes.TaskStopCodeTaskFailedToStart, "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: mount.nfs4: Connection timed out"),
			awserr.Stop{Cause: awserr.NeverRan, Reason: "FailedMount", Message: "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: mount.nfs4: Connection timed out (the file system must have a mount target that the task's subnets reach, in a security group that admits NFS (2049) from the task's)"}},
		"EBS": {"the attachment says why",
			func() ecstypes.Task {
				task := stopped(ecstypes.TaskStopCodeTaskFailedToStart, "Task failed to start")
				task.Attachments = []ecstypes.Attachment{{Type: aws.String("AmazonElasticBlockStorage"), Status: aws.String("FAILED"),
					Details: []ecstypes.KeyValuePair{{Name: aws.String("statusReason"), Value: aws.String("ECS timed out while configuring the EBS Volume.")}}}}
				return task
			}(),
			awserr.Stop{Cause: awserr.NeverRan, Reason: "FailedAttachVolume", Message: "ECS timed out while configuring the EBS Volume."}},
		"containers ended": {"the exit codes tell the rest",
			stopped(ecstypes.TaskStopCodeEssentialContainerExited, "Essential container in task exited", exited(1)),
			awserr.Stop{Cause: awserr.Exited, Message: "Essential container in task exited"}},
		"we stopped it": {"told by the reason that we gave",
			stopped(ecstypes.TaskStopCodeUserInitiated, "virtual-kubelet: the pod was deleted", exited(143)),
			awserr.Stop{Cause: awserr.StoppedByUs, Message: "virtual-kubelet: the pod was deleted"}},
		"we stopped it for a probe": {"its containers are to start again",
			stopped(ecstypes.TaskStopCodeUserInitiated, "virtual-kubelet: unhealthy: container web failed its liveness probe", exited(143)),
			awserr.Stop{Cause: awserr.Unhealthy, Message: "container web failed its liveness probe"}},
		"we stopped it at the pod's deadline": {"the pod has failed, whatever the exit codes",
			stopped(ecstypes.TaskStopCodeUserInitiated, "virtual-kubelet: deadline exceeded: Pod was active on the node longer than the specified deadline", exited(0)),
			awserr.Stop{Cause: awserr.DeadlinePassed, Reason: "DeadlineExceeded", Message: "Pod was active on the node longer than the specified deadline"}},
		"somebody stopped it": {"console or CLI, with or without a reason",
			stopped(ecstypes.TaskStopCodeUserInitiated, "Task stopped by user", exited(143)),
			awserr.Stop{Cause: awserr.StoppedByUser, Reason: "TaskStopped", Message: "Task stopped by user"}},
		"spot": {"the machine goes, the pod is not to blame",
			stopped(ecstypes.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.", exited(0)),
			awserr.Stop{Cause: awserr.Disrupted, Reason: "SpotInterruption", Message: "Your Spot Task was interrupted."}},
		"retirement": {"patches of the platform",
			stopped(ecstypes.TaskStopCodeTerminationNotice, "ECS is performing maintenance on the underlying infrastructure hosting the task.", exited(143)),
			awserr.Stop{Cause: awserr.Disrupted, Reason: "TaskRetirement", Message: "ECS is performing maintenance on the underlying infrastructure hosting the task."}},
		"infrastructure": {"the machine is gone already: no exit codes",
			stopped(ecstypes.TaskStopCodeInfrastructureHealth, "The infrastructure hosting the task is unhealthy.", ecstypes.Container{}),
			awserr.Stop{Cause: awserr.Disrupted, Reason: "InfrastructureHealth", Message: "The infrastructure hosting the task is unhealthy."}},
		"service scheduler": {"not expected of tasks that belong to no service",
			stopped(ecstypes.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by deployment", exited(143)),
			awserr.Stop{Cause: awserr.Disrupted, Reason: "InfrastructureHealth", Message: "Scaling activity initiated by deployment"}},
		"one that ran, with words of a start failure": {"an application may print anything before it ends",
			stopped(ecstypes.TaskStopCodeEssentialContainerExited, "Essential container in task exited",
				ecstypes.Container{ExitCode: aws.Int32(2), Reason: aws.String("backup: no space left on device")}),
			awserr.Stop{Cause: awserr.Exited, Message: "Essential container in task exited"}},
		"one that ran and lost its exit code": {"it started, so it is no failure to start",
			ecstypes.Task{StartedAt: aws.Time(time.Unix(1, 0)), StopCode: ecstypes.TaskStopCodeEssentialContainerExited,
				StoppedReason: aws.String("InternalError: lost")},
			awserr.Stop{Cause: awserr.Exited, Message: "InternalError: lost"}},
		"a start failure in words that AWS has not written yet": {"nothing ran, so the pod waits for another attempt",
			failed("The moon is in the wrong phase."),
			awserr.Stop{Cause: awserr.NeverRan, Reason: "FailedCreatePodSandBox", Message: "The moon is in the wrong phase."}},
		"a code that AWS has not invented yet": {"the exit codes tell the rest",
			stopped("MoonPhase", "The moon is in the wrong phase.", exited(1)),
			awserr.Stop{Cause: awserr.Exited, Message: "The moon is in the wrong phase."}},
		"the task's words before its containers'": {"the sidecar only followed",
			failed("CannotPullContainerError: inspect image: not found", saying("CannotStartContainerError: dependency graph")),
			awserr.Stop{Cause: awserr.NeverRan, Reason: "ErrImagePull", Message: "CannotPullContainerError: inspect image: not found (" + pullHint + ")"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, awserr.Stopped(c.task)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}
