package podid_test

import (
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

var web = podid.ID{
	Owner:     podid.Owner{ClusterUID: "8f14e45f-ceea-467f-a8d1-3f1b2c4d5e6f", NodeName: "virtual-kubelet"},
	Namespace: "default", Name: "web-0", UID: "0b0e7d3e-5a1c-4a57-9f4e-6f0f0c7b1c11", Attempt: 3,
}

func taskWith(environment ...[]ecstypes.KeyValuePair) ecstypes.Task {
	overrides := &ecstypes.TaskOverride{}
	for _, e := range environment {
		overrides.ContainerOverrides = append(overrides.ContainerOverrides, ecstypes.ContainerOverride{Environment: e})
	}
	return ecstypes.Task{Overrides: overrides}
}

func TestFromTaskReadsWhatEnvironmentWrote(t *testing.T) {
	sidecarFirst := taskWith([]ecstypes.KeyValuePair{{Name: aws.String("A"), Value: aws.String("b")}}, web.Environment())
	got, ok := podid.FromTask(sidecarFirst)
	if !ok {
		t.Fatal("the task carries an ID in its second container, and none was found")
	}
	if diff := cmp.Diff(web, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestFromTaskLeavesForeignTasksAlone(t *testing.T) {
	without := func(name string) []ecstypes.KeyValuePair {
		var rest []ecstypes.KeyValuePair
		for _, pair := range web.Environment() {
			if *pair.Name != name {
				rest = append(rest, pair)
			}
		}
		return rest
	}
	for name, task := range map[string]ecstypes.Task{
		"no overrides":  {},
		"no containers": taskWith(),
		"no pod UID":    taskWith(without("VK_POD_UID")),
		"no cluster":    taskWith(without("VK_CLUSTER_UID")),
		"no attempt":    taskWith(without("VK_ATTEMPT")),
		"attempt is no number": taskWith(append(without("VK_ATTEMPT"),
			ecstypes.KeyValuePair{Name: aws.String("VK_ATTEMPT"), Value: aws.String("last")})),
	} {
		t.Run(name, func(t *testing.T) {
			if id, ok := podid.FromTask(task); ok {
				t.Errorf("a task that is not ours was taken for %+v", id)
			}
		})
	}
}

func TestNamesFitWhatECSAllows(t *testing.T) {
	for name, owner := range map[string]podid.Owner{
		"a usual cluster": web.Owner,
		"no cluster UID":  {NodeName: "n"},
		"odd characters":  {ClusterUID: "Ü/?", NodeName: "node.with.dots"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := owner.StartedBy(); !regexp.MustCompile(`^vk/[0-9a-f]{32}$`).MatchString(got) {
				t.Errorf("startedBy %q", got)
			}
			if got := owner.FamilyPrefix(); !regexp.MustCompile(`^vk-[a-z0-9]{8}-[0-9a-f]{8}-$`).MatchString(got) {
				t.Errorf("family prefix %q", got)
			}
		})
	}
	if got := web.ClientToken(); len(got) != 64 {
		t.Errorf("client token of %d characters, RunTask takes at most 64", len(got))
	}
}

func TestEveryPartOfTheIdentityCounts(t *testing.T) {
	seen := map[string]string{web.ClientToken(): "the pod itself"}
	for reason, change := range map[string]func(*podid.ID){
		"a restart is a new task":                      func(id *podid.ID) { id.Attempt++ },
		"a pod made anew under the same name":          func(id *podid.ID) { id.UID = "other" },
		"the same pod UID restored to another cluster": func(id *podid.ID) { id.ClusterUID = "other" },
		"two daemons in one ECS cluster":               func(id *podid.ID) { id.NodeName = "other" },
	} {
		other := web
		change(&other)
		if twin, taken := seen[other.ClientToken()]; taken {
			t.Errorf("%s: same client token as %s", reason, twin)
		}
		seen[other.ClientToken()] = reason
	}
}
