package podstatus_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

// aPod is a pod with these containers, as it is when it was bound to the node.
func aPod(policy corev1.RestartPolicy, containers ...string) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "0b0e7d3e", Generation: 2},
		Spec:       corev1.PodSpec{RestartPolicy: policy},
		Status: corev1.PodStatus{
			Phase: corev1.PodPending, QOSClass: corev1.PodQOSBurstable,
			HostIP: "10.0.0.9", HostIPs: []corev1.HostIP{{IP: "10.0.0.9"}},
			StartTime: &metav1.Time{Time: noon.Truncate(time.Second)},
		},
	}
	for _, name := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Image: name + ":1"})
	}
	return pod
}

func deleted(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: noon}
	return pod
}

// aTask is the pod's nth task at one moment of its life.
type aTask struct{ ecstypes.Task }

// newTask is a task of these containers as RunTask returns it.
func newTask(n int, containers ...string) aTask {
	t := aTask{ecstypes.Task{
		TaskArn:    aws.String(fmt.Sprintf("arn:aws:ecs:eu-west-1:123456789012:task/vk/%d", n)),
		LastStatus: aws.String("PROVISIONING"), DesiredStatus: aws.String("RUNNING"),
		Attachments: []ecstypes.Attachment{{Type: aws.String("ElasticNetworkInterface"), Status: aws.String("PRECREATED")}},
	}}
	for _, name := range containers {
		t.Containers = append(t.Containers, ecstypes.Container{Name: aws.String(name), LastStatus: aws.String("PENDING")})
	}
	return t
}

// clone keeps what follows from changing what went before.
func (t aTask) clone() aTask {
	t.Containers = append([]ecstypes.Container(nil), t.Containers...)
	t.Attachments = append([]ecstypes.Attachment(nil), t.Attachments...)
	return t
}

// in is the task in another state; from PENDING on it has an address.
func (t aTask) in(last string) aTask {
	t = t.clone()
	t.LastStatus = &last
	if last != "PROVISIONING" {
		t.Attachments[0].Details = []ecstypes.KeyValuePair{
			{Name: aws.String("subnetId"), Value: aws.String("subnet-0a")},
			{Name: aws.String("privateIPv4Address"), Value: aws.String("10.0.1.7")},
		}
	}
	return t
}

// running is the task with all its containers running.
func (t aTask) running() aTask {
	t = t.in("RUNNING")
	t.StartedAt = &noon
	for i := range t.Containers {
		c := &t.Containers[i]
		c.LastStatus, c.RuntimeId = aws.String("RUNNING"), aws.String(*c.Name+"-1")
		c.ImageDigest = aws.String("sha256:" + *c.Name)
	}
	return t
}

// stopping is the task on its way down, which began a minute after its start.
func (t aTask) stopping(last string, code ecstypes.TaskStopCode, reason string) aTask {
	t = t.in(last)
	t.DesiredStatus, t.StopCode, t.StoppedReason = aws.String("STOPPED"), code, &reason
	t.StoppingAt = aws.Time(noon.Add(time.Minute))
	if last == "STOPPED" {
		t.ExecutionStoppedAt = aws.Time(noon.Add(2 * time.Minute))
		for i := range t.Containers {
			t.Containers[i].LastStatus = aws.String("STOPPED")
		}
	}
	return t
}

// exited gives the containers their exit codes, in order.
func (t aTask) exited(codes ...int32) aTask {
	t = t.clone()
	for i := range codes {
		t.Containers[i].LastStatus, t.Containers[i].ExitCode = aws.String("STOPPED"), &codes[i]
	}
	return t
}

// because gives the first container AWS's words about its end.
func (t aTask) because(reason string) aTask {
	t = t.clone()
	t.Containers[0].Reason = &reason
	return t
}

// ran is a task that ran and stopped because its containers ended with these codes.
func ran(n int, names []string, codes ...int32) aTask {
	return newTask(n, names...).running().
		stopping("STOPPED", ecstypes.TaskStopCodeEssentialContainerExited, "Essential container in task exited").exited(codes...)
}

// neverRan is a task that failed to start.
func neverRan(n int, reason string, names ...string) aTask {
	return newTask(n, names...).stopping("STOPPED", ecstypes.TaskStopCodeTaskFailedToStart, reason)
}

// sketch is what a status says, in one line: the phase with its reason, the address, whether the pod is
// ready, and each container.
func sketch(status corev1.PodStatus) string {
	words := []string{string(status.Phase) + parenthesis(status.Reason)}
	if status.PodIP != "" {
		words = append(words, status.PodIP)
	}
	if c := podstatus.Condition(status.Conditions, corev1.PodReady); c != nil && c.Status == corev1.ConditionTrue {
		words = append(words, "Ready")
	}
	if c := podstatus.Condition(status.Conditions, corev1.DisruptionTarget); c != nil {
		words = append(words, "DisruptionTarget"+parenthesis(c.Reason))
	}
	line := strings.Join(words, " ")
	for _, c := range status.ContainerStatuses {
		line += " | " + c.Name + ": " + state(c.State)
		if c.LastTerminationState.Terminated != nil {
			line += ", last " + state(c.LastTerminationState)
		}
		if c.RestartCount > 0 {
			line += fmt.Sprintf(", restarts %d", c.RestartCount)
		}
	}
	return line
}

func state(s corev1.ContainerState) string {
	switch {
	case s.Waiting != nil:
		return s.Waiting.Reason
	case s.Running != nil:
		return "running"
	case s.Terminated != nil:
		return fmt.Sprintf("%s %d", s.Terminated.Reason, s.Terminated.ExitCode)
	}
	return "nothing"
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}
