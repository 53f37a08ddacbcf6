package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A native sidecar must not keep a Job from completing.
func TestAJobWithInitContainersAndASidecarCompletes(t *testing.T) {
	r := newRoom(t)
	r.apply(`{apiVersion: batch/v1, kind: Job, metadata: {name: work}, spec: {template: {spec: {
		nodeSelector: {type: virtual-kubelet}, restartPolicy: Never,
		initContainers: [
			{name: prepare, image: "busybox:1.36", command: [sh, -c, "echo prepared; sleep 1"]},
			{name: proxy, image: "nginx:1.9.1", restartPolicy: Always},
			{name: warm, image: "busybox:1.36", command: [sh, -c, "echo warm"]}],
		containers: [{name: work, image: "busybox:1.36", command: [sh, -c, "echo working; sleep 2"]}]}}}}`)
	r.kubectl("wait", "--for=condition=Complete", "job/work", "--timeout=2m")
	pod := r.untilPods("the Job's pod has ended", "job-name=work", 1, ended)[0]
	for _, s := range pod.Status.InitContainerStatuses {
		if s.Name != "proxy" && (s.State.Terminated == nil || s.State.Terminated.ExitCode != 0) {
			t.Errorf("init container %+v", s)
		}
	}
	r.said("prepared\n", pod.Name, "-c", "prepare")
	r.said("working\n", pod.Name, "-c", "work")
}

// The API server refuses a status in which what may not run again does; the task is another all the same.
func TestWhatHasSucceededDoesNotRunAgain(t *testing.T) {
	r := newRoom(t)
	r.apply(`{apiVersion: v1, kind: Pod, metadata: {name: work}, spec: {
		nodeSelector: {type: virtual-kubelet}, restartPolicy: OnFailure,
		initContainers: [{name: prepare, image: "busybox:1.36", command: [sh, -c, "echo prepared"]}],
		containers: [
			{name: good, image: "busybox:1.36", command: [sh, -c, "sleep 1"]},
			{name: bad, image: "busybox:1.36", command: [sh, -c, "sleep 8; exit 1"]}]}}`)
	pod := r.untilPod("work", "has restarted twice", func(pod corev1.Pod) error {
		if s := pod.Status.ContainerStatuses; len(s) != 2 || s[1].RestartCount < 2 {
			return fmt.Errorf("it is %+v", s)
		}
		return nil
	})
	good := pod.Status.ContainerStatuses[0]
	if good.RestartCount != 0 || good.State.Terminated == nil || good.State.Terminated.ExitCode != 0 {
		t.Errorf("the container that has succeeded is %+v", good)
	}
	if tasks := r.tasksOf(pod); len(tasks[len(tasks)-1].Containers) != 2 { // prepare and bad
		t.Errorf("the last task has %d containers", len(tasks[len(tasks)-1].Containers))
	}
}

func TestAnInitContainerThatFailsHoldsThePod(t *testing.T) {
	r := newRoom(t)
	r.apply(`{apiVersion: v1, kind: Pod, metadata: {name: work}, spec: {
		nodeSelector: {type: virtual-kubelet},
		initContainers: [{name: prepare, image: "busybox:1.36", command: [sh, -c, "echo no; exit 1"]}],
		containers: [{name: web, image: "nginx:1.9.1"}]}}`)
	r.untilPod("work", "is in its init container's back-off", func(pod corev1.Pod) error {
		s := pod.Status.InitContainerStatuses
		if len(s) != 1 || s[0].State.Waiting == nil || s[0].State.Waiting.Reason != "CrashLoopBackOff" || s[0].RestartCount < 1 {
			return fmt.Errorf("it is %+v", s)
		}
		return nil
	})
	r.said("no\n", "work", "-c", "prepare", "--previous")
}
