package taskdef_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// What the table says of containers it says of init containers too, at their own place.
func TestQuietOfInitContainers(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "i", Image: "i"}},
		Containers:     []corev1.Container{{Name: "a", Image: "a"}},
	}}
	var got []string
	for _, f := range taskdef.Quiet(pod) {
		got = append(got, string(f.Verdict)+" "+f.Field)
	}
	want := []string{"mapped spec.initContainers", "mapped spec.containers",
		"mapped spec.initContainers[0].name", "mapped spec.containers[0].name", "mapped spec.initContainers[0].image", "mapped spec.containers[0].image"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
