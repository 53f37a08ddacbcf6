package podstatus_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
)

var (
	earlier = metav1.NewTime(noon.Add(-time.Hour).Truncate(time.Second))
	now     = metav1.NewTime(noon.Truncate(time.Second))
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
	return corev1.PodCondition{Type: kind, Status: status, LastTransitionTime: earlier}
}

func TestMergeKeepsWhatOthersWrote(t *testing.T) {
	live, ours := running(corev1.RestartPolicyAlways)
	foreign := condition(gateTG, corev1.ConditionTrue)
	live.Status.Conditions = []corev1.PodCondition{foreign}
	live.Status.NominatedNodeName = "other"
	live.Status.ResourceClaimStatuses = []corev1.PodResourceClaimStatus{{Name: "gpu"}}
	before := live.DeepCopy()

	got := podstatus.Merge(live, ours, now)

	if diff := cmp.Diff(before, live); diff != "" {
		t.Errorf("the live pod was changed, which belongs to the cache:\n%s", diff)
	}
	if c := podstatus.Condition(got.Conditions, gateTG); c == nil || *c != foreign {
		t.Errorf("the load balancer's condition became %v", c)
	}
	if got.NominatedNodeName != "other" || len(got.ResourceClaimStatuses) != 1 || got.QOSClass != corev1.PodQOSBurstable {
		t.Errorf("members of other writers were lost: %+v", got)
	}
	if got.ObservedGeneration != live.Generation {
		t.Errorf("observed generation %d, want %d", got.ObservedGeneration, live.Generation)
	}
	if diff := cmp.Diff(ours.ContainerStatuses, got.ContainerStatuses); diff != "" {
		t.Errorf("containers -want +got\n%s", diff)
	}
}

func TestTransitionTimes(t *testing.T) {
	live, ours := running(corev1.RestartPolicyAlways)
	live.Status.Conditions = []corev1.PodCondition{
		condition(corev1.PodReady, corev1.ConditionFalse),       // changes
		condition(corev1.PodInitialized, corev1.ConditionTrue),  // stays
		condition(corev1.PodScheduled, corev1.ConditionTrue),    // the scheduler's, and stays
		condition(corev1.ContainersReady, corev1.ConditionTrue), // stays, with another message
	}
	live.Status.Conditions[3].Message = "old words"
	got := map[corev1.PodConditionType]metav1.Time{}
	for _, c := range podstatus.Merge(live, ours, now).Conditions {
		got[c.Type] = c.LastTransitionTime
	}
	want := map[corev1.PodConditionType]metav1.Time{
		corev1.PodReady:                  now,
		corev1.PodInitialized:            earlier,
		corev1.PodScheduled:              earlier,
		corev1.ContainersReady:           earlier,
		corev1.PodReadyToStartContainers: now, // new
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestMergeTwiceIsMergeOnce(t *testing.T) {
	live, ours := running(corev1.RestartPolicyAlways)
	once := podstatus.Merge(live, ours, earlier)
	live.Status = once
	if diff := cmp.Diff(once, podstatus.Merge(live, ours, now)); diff != "" {
		t.Errorf("the same status again is a change, and would be sent for ever (-first +second):\n%s", diff)
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
			got := podstatus.Condition(podstatus.Merge(live, ours, now).Conditions, corev1.PodReady)
			want := &corev1.PodCondition{Type: corev1.PodReady, Status: c.status, Reason: c.why, Message: c.words, LastTransitionTime: now}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestMergeLeavesAFinalPhase(t *testing.T) {
	live, ours := running(corev1.RestartPolicyAlways)
	live.Status.Phase, live.Status.Reason = corev1.PodFailed, "Evicted"
	live.Status.Conditions = []corev1.PodCondition{condition(corev1.PodReady, corev1.ConditionFalse)}
	if diff := cmp.Diff(live.Status, podstatus.Merge(live, ours, now)); diff != "" {
		t.Errorf("a pod that somebody has evicted was brought back (-live +merged):\n%s", diff)
	}
}

func TestMergeCarriesTheEnd(t *testing.T) {
	live, _ := running(corev1.RestartPolicyNever)
	spot := newTask(0, "web").running().stopping("STOPPED", "SpotInterruption", "Your Spot Task was interrupted.").exited(143)
	got := podstatus.Merge(live, podstatus.FromTask(live, spot.Task), now)
	want := "Failed(SpotInterruption) 10.0.1.7 DisruptionTarget(SpotInterruption) | web: Error 143"
	if diff := cmp.Diff(want, sketch(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNotRun(t *testing.T) {
	live := aPod(corev1.RestartPolicyAlways, "agent")
	live.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gateTG}}
	got := podstatus.Merge(live, podstatus.NotRun(live), now)
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
