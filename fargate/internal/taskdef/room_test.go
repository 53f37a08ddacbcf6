package taskdef_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// saidOf are the findings about a field, one a line.
func saidOf(in taskdef.Input, field string) string {
	var said []string
	for _, f := range taskdef.Check(in) {
		if f.Field == field {
			said = append(said, string(f.Verdict)+" "+f.Message)
		}
	}
	return strings.Join(said, "\n")
}

const mounted = ", volumeMounts: [{name: v, mountPath: /v}]}]"

// Who is one too many is for the pod's author to see: the provider's own containers stand in no manifest.
func TestTooManyContainers(t *testing.T) {
	for name, test := range map[string]struct{ spec, want string }{
		"a job's": {`{restartPolicy: Never, initContainers: [{name: i, image: i}, {name: j, image: i}, {name: k, image: i}], containers: [` + strings.Repeat("{name: c, image: i}, ", 5) +
			`{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, emptyDir: {}}]}`, "11 containers (3 init containers, 6 containers, vk-files, vk-keeper)"},
		"files of images": {`{initContainers: [{name: i, image: i}], containers: [` + strings.Repeat("{name: c, image: i}, ", 8) +
			`{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, image: {reference: files}}]}`, "12 containers (1 init container, 9 containers, vk-files, vk-image-v)"},
		"nothing but the pod's": {`{containers: [` + strings.Repeat("{name: c, image: i}, ", 11) + `]}`, "11 containers"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, test.spec, &pod.Spec)
			in, _ := resolved(pod, nodeSources())
			if diff := cmp.Diff("refused "+test.want+": a Fargate task has at most 10; split the pod", saidOf(in, "spec.containers")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTmpfsLargerThanTheTask(t *testing.T) {
	const warning = "warned volume v: the volume may hold 2048 MiB, and the task has 512 MiB of memory"
	for name, test := range map[string]struct{ spec, want string }{
		"a request of less":    {"{containers: [{name: c, image: i, resources: {requests: {memory: 256Mi}}" + mounted + ", volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 2Gi}}]}", warning},
		"a request of as much": {"{containers: [{name: c, image: i, resources: {requests: {memory: 2Gi}}" + mounted + ", volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 2Gi}}]}", ""},
		"on disk":              {"{containers: [{name: c, image: i" + mounted + ", volumes: [{name: v, emptyDir: {sizeLimit: 2Gi}}]}", ""},
		"without a limit":      {"{containers: [{name: c, image: i" + mounted + ", volumes: [{name: v, emptyDir: {medium: Memory}}]}", ""},
		"mounted by nobody":    {"{volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 2Gi}}]}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, test.spec, &pod.Spec)
			in, _ := resolved(pod, nodeSources())
			if said := saidOf(in, "spec.volumes[0].emptyDir"); !strings.HasPrefix(said, test.want) || (said == "") != (test.want == "") {
				t.Errorf("said %q, want %q", said, test.want)
			}
		})
	}
}

func TestStorage(t *testing.T) {
	for name, test := range map[string]struct {
		why, spec string
		wantGiB   int    // 0: the free 20
		warning   string // how that about the first volume begins
	}{
		"a limit": {"what a volume may hold, the task has room for",
			"{containers: [{name: c, image: i" + mounted + ", volumes: [{name: v, emptyDir: {sizeLimit: 30Gi}}]}", 30, ""},
		"a limit of more than there is": {"it reserves nothing in Kubernetes, so the pod runs",
			"{containers: [{name: c, image: i" + mounted + ", volumes: [{name: v, emptyDir: {sizeLimit: 500Gi}}]}", 200, "warned volume v: the pod's volumes may hold 500 GiB"},
		"limits of more together": {"each alone would go; the largest is named",
			"{containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /w}]}], volumes: [{name: v, emptyDir: {sizeLimit: 150Gi}}, {name: w, emptyDir: {sizeLimit: 100Gi}}]}", 200, "warned volume v: the pod's volumes may hold 250 GiB"},
		"mounted by nobody": {"nothing comes to lie in it",
			"{volumes: [{name: v, emptyDir: {sizeLimit: 500Gi}}]}", 0, ""},
		"a limit above the request": {"as with memory, the larger counts",
			"{containers: [{name: c, image: i, resources: {requests: {ephemeral-storage: 30Gi}, limits: {ephemeral-storage: 40Gi}}}]}", 40, ""},
		"overhead": {"it is added to whatever else there is",
			"{overhead: {ephemeral-storage: 5Gi}, containers: [{name: c, image: i, resources: {requests: {ephemeral-storage: 30Gi}}" + mounted + ", volumes: [{name: v, emptyDir: {sizeLimit: 32Gi}}]}", 37, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, test.spec, &pod.Spec)
			in, _ := resolved(pod, nodeSources())
			got, err := taskdef.Translate(in)
			if err != nil || got.Size.StorageGiB != test.wantGiB {
				t.Errorf("%s: %d GiB, %v, want %d GiB", test.why, got.Size.StorageGiB, err, test.wantGiB)
			}
			if said := saidOf(in, "spec.volumes[0].emptyDir"); !strings.HasPrefix(said, test.warning) || (said == "") != (test.warning == "") {
				t.Errorf("%s: said %q, want %q", test.why, said, test.warning)
			}
		})
	}
}
