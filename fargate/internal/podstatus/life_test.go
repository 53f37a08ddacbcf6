package podstatus_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

// step is one thing that happens to a pod; the status it leads to is where the next begins.
type step struct {
	happens string
	status  func(*corev1.Pod) corev1.PodStatus
	want    string // sketch
}

func sees(t aTask) func(*corev1.Pod) corev1.PodStatus {
	return func(pod *corev1.Pod) corev1.PodStatus { return podstatus.FromTask(pod, t.Task) }
}

func waits(reason string) func(*corev1.Pod) corev1.PodStatus {
	return func(pod *corev1.Pod) corev1.PodStatus { return podstatus.Waiting(pod, reason, "words") }
}

const (
	userStop = ecstypes.TaskStopCodeUserInitiated
	ours     = "virtual-kubelet: the pod was deleted"
	exitWord = "Essential container in task exited"
	exitCode = ecstypes.TaskStopCodeEssentialContainerExited
)

func TestLives(t *testing.T) {
	web := []string{"web"}
	up := newTask(0, "web").running()
	down := func(n int, last string) aTask {
		return newTask(n, "web").running().stopping(last, exitCode, exitWord)
	}
	for name, c := range map[string]struct {
		reason string // why the life matters
		pod    *corev1.Pod
		steps  []step
	}{
		"every state of a task": {"a Deployment's pod from bind to crash",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"no task yet", waits("ContainerCreating"), "Pending | web: ContainerCreating"},
				{"RunTask", sees(newTask(0, "web")), "Pending | web: ContainerCreating"},
				{"an address", sees(newTask(0, "web").in("PENDING")), "Pending 10.0.1.7 | web: ContainerCreating"},
				{"images are there", sees(newTask(0, "web").in("ACTIVATING")), "Pending 10.0.1.7 | web: ContainerCreating"},
				{"it runs", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"it is to stop", sees(up.stopping("RUNNING", exitCode, exitWord)), "Running 10.0.1.7 | web: running"},
				{"its end is seen, but not its code", sees(down(0, "DEACTIVATING").exited(1).withoutCodes()), "Running 10.0.1.7 | web: running"},
				{"the code", sees(down(0, "STOPPING").exited(1)), "Running 10.0.1.7 | web: Error 1"},
				{"only the interface is left", sees(down(0, "DEPROVISIONING").exited(1)), "Running | web: CrashLoopBackOff, last Error 1"},
				{"over", sees(down(0, "STOPPED").exited(1)), "Running | web: CrashLoopBackOff, last Error 1"},
				{"gone from ECS's list", sees(down(0, "DELETED").exited(1)), "Running | web: CrashLoopBackOff, last Error 1"},
			}},
		"restarts are counted, and the last end is kept": {"kubectl shows both, and kubectl logs --previous needs the ID",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"first run", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"crash", sees(ran(0, web, 1)), "Running | web: CrashLoopBackOff, last Error 1"},
				{"the next task", sees(newTask(1, "web")), "Running | web: ContainerCreating, last Error 1"},
				{"second run", sees(newTask(1, "web").running()), "Running 10.0.1.7 Ready | web: running, last Error 1, restarts 1"},
				{"clean end", sees(ran(1, web, 0)), "Running | web: CrashLoopBackOff, last Completed 0, restarts 1"},
				{"a run too short to be seen", sees(ran(2, web, 7)), "Running | web: CrashLoopBackOff, last Error 7, restarts 2"},
				{"no more capacity", waits("InsufficientFargateCapacity"), "Running | web: InsufficientFargateCapacity, last Error 7, restarts 2"},
			}},
		"an image that cannot be pulled": {"nothing ran, so nothing was restarted",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"first attempt", sees(neverRan(0, "CannotPullContainerError: not found", "web")), "Pending | web: ImagePullBackOff"},
				{"the next task", sees(newTask(1, "web")), "Pending | web: ContainerCreating"},
				{"second attempt", sees(neverRan(1, "CannotPullContainerError: not found", "web")), "Pending | web: ImagePullBackOff"},
				{"somebody pushed it", sees(newTask(2, "web").running()), "Running 10.0.1.7 Ready | web: running"},
				{"crash", sees(ran(2, web, 1)), "Running | web: CrashLoopBackOff, last Error 1"},
				{"somebody removed it", sees(neverRan(3, "CannotPullContainerError: not found", "web")), "Running | web: ImagePullBackOff, last Error 1"},
				{"and pushed it again", sees(newTask(4, "web").running()), "Running 10.0.1.7 Ready | web: running, last Error 1, restarts 1"},
			}},
		"a Job's pod that succeeds": {"the phase waits for the end of the task, or virtual-kubelet takes in no more",
			aPod(corev1.RestartPolicyNever, "web"), []step{
				{"it runs", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"its container ends", sees(down(0, "DEACTIVATING").exited(0)), "Running 10.0.1.7 | web: Completed 0"},
				{"its task ends", sees(down(0, "DEPROVISIONING").exited(0)), "Succeeded 10.0.1.7 | web: Completed 0"},
				{"for good", sees(down(0, "STOPPED").exited(0)), "Succeeded 10.0.1.7 | web: Completed 0"},
			}},
		"a Job's pod that ends between two looks": {"DEPROVISIONING without codes has to wait: they come with STOPPED",
			aPod(corev1.RestartPolicyNever, "web"), []step{
				{"it runs", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"no code yet", sees(down(0, "DEPROVISIONING")), "Running 10.0.1.7 | web: running"},
				{"the code", sees(ran(0, web, 3)), "Failed 10.0.1.7 | web: Error 3"},
			}},
		"a pod deleted while it runs": {"the real exit code is told, and nothing starts again",
			deleted(aPod(corev1.RestartPolicyAlways, "web")), []step{
				{"it runs", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"StopTask", sees(up.stopping("DEACTIVATING", userStop, ours)), "Running 10.0.1.7 | web: running"},
				{"SIGTERM did it", sees(up.stopping("STOPPED", userStop, ours).exited(143)), "Failed 10.0.1.7 | web: Error 143"},
			}},
		"a pod deleted while it is provisioned": {"its containers never ran",
			deleted(aPod(corev1.RestartPolicyAlways, "web")), []step{
				{"RunTask", sees(newTask(0, "web")), "Pending | web: ContainerCreating"},
				{"StopTask", sees(newTask(0, "web").stopping("DEPROVISIONING", userStop, ours)), "Pending 10.0.1.7 | web: ContainerCreating"},
				{"it is gone", sees(newTask(0, "web").stopping("STOPPED", userStop, ours)), "Failed 10.0.1.7 | web: StartError 128"},
			}},
		"a pod deleted in back-off": {"its containers are left as they ended",
			deleted(aPod(corev1.RestartPolicyAlways, "web")), []step{
				{"waiting", func(pod *corev1.Pod) corev1.PodStatus {
					alive := pod.DeepCopy()
					alive.DeletionTimestamp = nil
					return podstatus.FromTask(alive, ran(0, web, 5).Task)
				}, "Running | web: CrashLoopBackOff, last Error 5"},
				{"nothing to stop", podstatus.Cancelled, "Failed | web: Error 5"},
			}},
		"a pod deleted in its turn": {"no task was ever asked for",
			deleted(aPod(corev1.RestartPolicyNever, "web")), []step{
				{"waiting", waits("FargateThrottled"), "Pending | web: FargateThrottled"},
				{"nothing to stop", podstatus.Cancelled, "Failed | web: ContainerStatusUnknown 137"},
			}},
		"a task that ECS lost": {"its container ran, and another will",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"it runs", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"it is missing", podstatus.Missing, "Running | web: ContainerStatusUnknown, last ContainerStatusUnknown 137"},
				{"the next run", sees(newTask(1, "web").running()), "Running 10.0.1.7 Ready | web: running, last ContainerStatusUnknown 137, restarts 1"},
			}},
		"a spot interruption": {"endpoints go at the notice, two minutes before the task",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"it runs", sees(up), "Running 10.0.1.7 Ready | web: running"},
				{"the notice", sees(up.stopping("RUNNING", ecstypes.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.")),
					"Running 10.0.1.7 DisruptionTarget(SpotInterruption) | web: running"},
				{"the end", sees(up.stopping("STOPPED", ecstypes.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.").exited(0)),
					"Failed(SpotInterruption) 10.0.1.7 DisruptionTarget(SpotInterruption) | web: Completed 0"},
			}},
		"a sidecar from AWS": {"GuardDuty adds containers of its own to anybody's task",
			aPod(corev1.RestartPolicyNever, "web"), []step{
				{"it runs", sees(newTask(0, "aws-guardduty-agent-x1", "web").running()), "Running 10.0.1.7 Ready | web: running"},
				{"the agent fails, the pod does not", sees(ran(0, []string{"aws-guardduty-agent-x1", "web"}, 137, 0)), "Succeeded 10.0.1.7 | web: Completed 0"},
			}},
		"two containers": {"one ends, so ECS ends both, and both are restarted",
			aPod(corev1.RestartPolicyAlways, "web", "log"), []step{
				{"they run", sees(newTask(0, "log", "web").running()), "Running 10.0.1.7 Ready | web: running | log: running"},
				{"one ends", sees(newTask(0, "log", "web").running().stopping("STOPPING", exitCode, exitWord).exited(1)), "Running 10.0.1.7 | web: running | log: Error 1"},
				{"both", sees(ran(0, []string{"log", "web"}, 1, 143)), "Running | web: CrashLoopBackOff, last Error 143 | log: CrashLoopBackOff, last Error 1"},
				{"again", sees(newTask(1, "web", "log").running()), "Running 10.0.1.7 Ready | web: running, last Error 143, restarts 1 | log: running, last Error 1, restarts 1"},
			}},
		"a runtime ID that comes late": {"a container is known by its task: no restart is counted",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"not yet", sees(up.withoutRuntime()), "Running 10.0.1.7 Ready | web: running"},
				{"there it is", sees(up), "Running 10.0.1.7 Ready | web: running"},
			}},
		"a status that somebody wiped": {"a pod that was Running does not go back to Pending",
			wiped(aPod(corev1.RestartPolicyAlways, "web")), []step{
				{"the next task", sees(newTask(1, "web")), "Running | web: ContainerCreating"},
			}},
		"an adopted task of which only the ARN is known": {"RunTask's token was used before, and ECS does not show the task yet",
			aPod(corev1.RestartPolicyAlways, "web"), []step{
				{"adopted", sees(aTask{ecstypes.Task{TaskArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task/vk/0")}}), "Pending | web: ContainerCreating"},
				{"seen", sees(up), "Running 10.0.1.7 Ready | web: running"},
			}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := c.pod
			for _, s := range c.steps {
				before := pod.DeepCopy()
				got := s.status(pod)
				if diff := cmp.Diff(before, pod); diff != "" {
					t.Fatalf("%s: the pod was changed:\n%s", s.happens, diff)
				}
				if diff := cmp.Diff(s.want, sketch(got)); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", c.reason, s.happens, diff)
				}
				for _, fault := range refusals(pod, got) {
					t.Errorf("%s: the API server refuses it: %s", s.happens, fault)
				}
				pod = pod.DeepCopy()
				pod.Status = got
				if diff := cmp.Diff(got, s.status(pod)); diff != "" {
					t.Errorf("%s: a second look differs (-first +second):\n%s", s.happens, diff)
				}
			}
		})
	}
}

func wiped(pod *corev1.Pod) *corev1.Pod {
	pod.Status.Phase = corev1.PodRunning
	return pod
}

func (t aTask) withoutRuntime() aTask {
	t = t.clone()
	for i := range t.Containers {
		t.Containers[i].RuntimeId = nil
	}
	return t
}

func (t aTask) withoutCodes() aTask {
	t = t.clone()
	for i := range t.Containers {
		t.Containers[i].ExitCode = nil
	}
	return t
}

func TestRunningStatusInFull(t *testing.T) {
	task := newTask(0, "web").running()
	task.Containers[0].NetworkInterfaces = []ecstypes.NetworkInterface{{Ipv6Address: aws.String("2A05:D018::7")}}
	got := podstatus.FromTask(aPod(corev1.RestartPolicyAlways, "web"), task.Task)
	start := metav1.NewTime(noon.Truncate(time.Second)) // the API server keeps whole seconds
	want := corev1.PodStatus{
		Phase: corev1.PodRunning, QOSClass: corev1.PodQOSBurstable, StartTime: &start,
		HostIP: "10.0.0.9", HostIPs: []corev1.HostIP{{IP: "10.0.0.9"}},
		PodIP: "10.0.1.7", PodIPs: []corev1.PodIP{{IP: "10.0.1.7"}, {IP: "2a05:d018::7"}},
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
			{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue},
			{Type: corev1.PodInitialized, Status: corev1.ConditionTrue},
			{Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
			{Type: corev1.PodReady, Status: corev1.ConditionTrue},
		},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "web", Image: "web:1", ImageID: "web:1@sha256:web", Ready: true, Started: ptr.To(true), Resources: &corev1.ResourceRequirements{},
			ContainerID: "ecs://arn:aws:ecs:eu-west-1:123456789012:task/vk/0/web-1",
			State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: start}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEndedStatusInFull(t *testing.T) {
	pod := aPod(corev1.RestartPolicyNever, "web")
	pod.Status = podstatus.FromTask(pod, newTask(0, "web").running().Task)
	got := podstatus.FromTask(pod, ran(0, []string{"web"}, 137).because("OutOfMemoryError: Container killed due to memory usage").Task)
	start := metav1.NewTime(noon.Truncate(time.Second))
	id := "ecs://arn:aws:ecs:eu-west-1:123456789012:task/vk/0/web-1"
	want := corev1.PodStatus{
		Phase: corev1.PodFailed, QOSClass: corev1.PodQOSBurstable, StartTime: &start,
		HostIP: "10.0.0.9", HostIPs: []corev1.HostIP{{IP: "10.0.0.9"}},
		PodIP: "10.0.1.7", PodIPs: []corev1.PodIP{{IP: "10.0.1.7"}},
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
			{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse},
			{Type: corev1.PodInitialized, Status: corev1.ConditionTrue},
			{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "PodFailed"},
			{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "PodFailed"},
		},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "web", Image: "web:1", ImageID: "web:1@sha256:web", Started: ptr.To(false), ContainerID: id, Resources: &corev1.ResourceRequirements{},
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
				ExitCode: 137, Reason: "OOMKilled", Message: "OutOfMemoryError: Container killed due to memory usage",
				StartedAt: start, FinishedAt: metav1.NewTime(start.Add(2 * time.Minute)), ContainerID: id,
			}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
