package podstatus_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

const taskOne = "arn:aws:ecs:eu-west-1:1:task/vk/1"

func TestWhoseLastWordsAreWanted(t *testing.T) {
	end := func(code int32, reason string) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, ContainerID: "ecs://" + taskOne + "/a-1", Message: "ECS's own"}
	}
	for why, row := range map[string]struct {
		policy corev1.TerminationMessagePolicy
		state  corev1.ContainerState
		last   corev1.ContainerState
		task   string
		wanted bool
	}{
		"it has failed":                     {corev1.TerminationMessageFallbackToLogsOnError, corev1.ContainerState{Terminated: end(3, "Error")}, corev1.ContainerState{}, taskOne, true},
		"it has failed and starts again":    {corev1.TerminationMessageFallbackToLogsOnError, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}, corev1.ContainerState{Terminated: end(137, "OOMKilled")}, taskOne, true},
		"it has succeeded":                  {corev1.TerminationMessageFallbackToLogsOnError, corev1.ContainerState{Terminated: end(0, "Completed")}, corev1.ContainerState{}, taskOne, false},
		"it was never started":              {corev1.TerminationMessageFallbackToLogsOnError, corev1.ContainerState{Terminated: end(128, "StartError")}, corev1.ContainerState{}, taskOne, false},
		"nobody wants to know":              {corev1.TerminationMessageReadFile, corev1.ContainerState{Terminated: end(3, "Error")}, corev1.ContainerState{}, taskOne, false},
		"it failed in the task before":      {corev1.TerminationMessageFallbackToLogsOnError, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, corev1.ContainerState{Terminated: end(3, "Error")}, "another", false},
		"it runs, and has never run before": {corev1.TerminationMessageFallbackToLogsOnError, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, corev1.ContainerState{}, taskOne, false},
	} {
		t.Run(why, func(t *testing.T) {
			pod := aPod(corev1.RestartPolicyNever, "a")
			pod.Spec.Containers[0].TerminationMessagePolicy = row.policy
			status := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "a", State: row.state, LastTerminationState: row.last}}}
			var want []podstatus.End
			if row.wanted {
				want = []podstatus.End{{Container: "a", ContainerID: "ecs://" + taskOne + "/a-1", Message: "ECS's own"}}
			}
			if diff := cmp.Diff(want, podstatus.Unexplained(pod, status, row.task)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestExplainedChangesNothingOfWhatItIsGiven(t *testing.T) {
	before := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{Name: "a", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "1", Message: "ECS's own"}}},
		{Name: "b", LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "2"}}},
	}}
	copied := before.DeepCopy()
	after, news := podstatus.Explained(before, "1", "words")
	again, newsAgain := podstatus.Explained(after, "1", "words")
	other, newsOther := podstatus.Explained(after, "2", "more")
	if diff := cmp.Diff(*copied, before); diff != "" {
		t.Errorf("it changed its argument (-want +got):\n%s", diff)
	}
	if !news || newsAgain || !newsOther || after.ContainerStatuses[0].State.Terminated.Message != "words" ||
		again.ContainerStatuses[0].State.Terminated.Message != "words" || other.ContainerStatuses[1].LastTerminationState.Terminated.Message != "more" {
		t.Errorf("%v %+v; %v; %v %+v", news, after, newsAgain, newsOther, other)
	}
}
