package podstatus_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

const (
	gateTG  corev1.PodConditionType = "target-health.elbv2.k8s.aws/web"
	gateTwo corev1.PodConditionType = "example.com/warm"
)

func running(policy corev1.RestartPolicy) (live *corev1.Pod, ours corev1.PodStatus) {
	live = aPod(policy, "web")
	return live, podstatus.FromTask(live, newTask(0, "web").running().Task)
}

func condition(kind corev1.PodConditionType, status corev1.ConditionStatus) corev1.PodCondition {
	return corev1.PodCondition{Type: kind, Status: status}
}

func TestForLeavesTheCachedPodAlone(t *testing.T) {
	live, ours := running(corev1.RestartPolicyAlways)
	live.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gateTG}}
	pod, status := live.DeepCopy(), ours.DeepCopy()

	got := podstatus.For(live, ours)

	if diff := cmp.Diff(pod, live); diff != "" {
		t.Errorf("the live pod was changed, which belongs to the cache:\n%s", diff)
	}
	if diff := cmp.Diff(*status, ours); diff != "" {
		t.Errorf("the status was changed, which is derived once and completed often:\n%s", diff)
	}
	if got.ObservedGeneration != live.Generation {
		t.Errorf("observed generation %d, want %d", got.ObservedGeneration, live.Generation)
	}
	for _, condition := range got.Conditions {
		if condition.ObservedGeneration != live.Generation {
			t.Errorf("%s has observed generation %d, want %d", condition.Type, condition.ObservedGeneration, live.Generation)
		}
	}
}

func TestReadinessGates(t *testing.T) {
	for name, c := range map[string]struct {
		reason     string
		conditions []corev1.PodCondition
		status     corev1.ConditionStatus
		why, words string
	}{
		"none is written yet": {"kubelet's words, that people search for", nil, corev1.ConditionFalse, "ReadinessGatesNotReady",
			`corresponding condition of pod readiness gate "target-health.elbv2.k8s.aws/web" does not exist., corresponding condition of pod readiness gate "example.com/warm" does not exist.`},
		"one is closed": {"each closed gate is named",
			[]corev1.PodCondition{condition(gateTG, corev1.ConditionFalse), condition(gateTwo, corev1.ConditionTrue)},
			corev1.ConditionFalse, "ReadinessGatesNotReady",
			`the status of pod readiness gate "target-health.elbv2.k8s.aws/web" is not "True", but False`},
		"all are open": {"and the pod is ready",
			[]corev1.PodCondition{condition(gateTG, corev1.ConditionTrue), condition(gateTwo, corev1.ConditionTrue)},
			corev1.ConditionTrue, "", ""},
		"somebody wrote Ready": {"the node controller sets it False while the node is away: it is set back",
			[]corev1.PodCondition{condition(gateTG, corev1.ConditionTrue), condition(gateTwo, corev1.ConditionTrue), condition(corev1.PodReady, corev1.ConditionFalse)},
			corev1.ConditionTrue, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			live, _ := running(corev1.RestartPolicyAlways)
			live.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gateTG}, {ConditionType: gateTwo}}
			// Our status was derived before the gates moved: the live conditions count.
			ours := podstatus.FromTask(live, newTask(0, "web").running().Task)
			live.Status.Conditions = c.conditions
			got := podstatus.Condition(podstatus.For(live, ours).Conditions, corev1.PodReady)
			want := &corev1.PodCondition{Type: corev1.PodReady, ObservedGeneration: live.Generation, Status: c.status, Reason: c.why, Message: c.words}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestForCarriesTheEnd(t *testing.T) {
	live, _ := running(corev1.RestartPolicyNever)
	spot := newTask(0, "web").running().stopping("STOPPED", "SpotInterruption", "Your Spot Task was interrupted.").exited(143)
	got := podstatus.For(live, podstatus.FromTask(live, spot.Task))
	want := "Failed(SpotInterruption) 10.0.1.7 DisruptionTarget(SpotInterruption) | web: Error 143"
	if diff := cmp.Diff(want, sketch(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNotRun(t *testing.T) {
	live := aPod(corev1.RestartPolicyAlways, "agent")
	live.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gateTG}}
	got := podstatus.For(live, podstatus.NotRun(live))
	if want := "Pending Ready | agent: NotRunOnFargate"; sketch(got) != want {
		t.Errorf("%s, want %s: a rollout is not held up, and nothing is pretended", sketch(got), want)
	}
	if ready := podstatus.Condition(got.Conditions, corev1.PodReady); ready.Reason != podstatus.ReasonNotRun {
		t.Errorf("ready for the reason %q", ready.Reason)
	}
}

func TestRefused(t *testing.T) {
	for _, policy := range policies {
		pod := aPod(policy, "web")
		pod.Status = podstatus.Waiting(pod, "UnsupportedPodSpec", "words")
		got := podstatus.Refused(pod, "UnsupportedPodSpec", "words")
		if want := "Failed(UnsupportedPodSpec)"; sketch(got) != want || got.Message != "words" {
			t.Errorf("%s: %s %q, want %s with words", policy, sketch(got), got.Message, want)
		}
		for _, fault := range refusals(pod, got) {
			t.Errorf("%s: the API server refuses it: %s", policy, fault)
		}
	}
}
