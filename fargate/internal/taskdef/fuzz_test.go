package taskdef_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

const planted = "planted-value-of-a-secret"

// FuzzTranslate reads its input as a manifest where it is one, and fills a pod with it at random where it
// is not. Whatever comes: no panic, the same answer twice, nothing beyond ECS's limits, no Secret's value.
func FuzzTranslate(f *testing.F) {
	manifests, err := filepath.Glob("testdata/*/pod.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		manifest, _, _ := bytes.Cut(text, []byte("\n---\n"))
		f.Add(manifest)
	}
	for i := range 64 {
		f.Add(bytes.Repeat([]byte{byte(i), byte(i * 37), byte(i * 101)}, 200))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pod := &corev1.Pod{}
		if err := yaml.Unmarshal(data, pod); err != nil {
			pod = &corev1.Pod{}
			randfill.NewFromGoFuzz(data).NilChance(0.9).NumElements(0, 3).MaxDepth(8).Fill(&pod.Spec)
		}
		before := pod.DeepCopy()
		first, firstErr := fuzzed(t, pod)
		again, againErr := fuzzed(t, pod.DeepCopy())
		if (firstErr == nil) != (againErr == nil) || firstErr != nil && firstErr.Error() != againErr.Error() {
			t.Fatalf("first %v, then %v", firstErr, againErr)
		}
		if !equality.Semantic.DeepEqual(before, pod) {
			t.Fatal("the translation changed the pod")
		}
		if firstErr != nil {
			return
		}
		if first.Digest != again.Digest || !bytes.Equal(taskdef.WireJSON(first.Run), taskdef.WireJSON(again.Run)) {
			t.Fatal("two translations of one pod differ")
		}
		if !ecsFamily.MatchString(*first.Definition.Family) {
			t.Fatalf("family %q", *first.Definition.Family)
		}
		if len(taskdef.WireJSON(first.Definition)) > taskdef.MaxDefinition || len(taskdef.WireJSON(first.Run.Overrides)) > taskdef.MaxOverrides {
			t.Fatal("beyond ECS's limits")
		}
		if first.Size.CPUUnits < first.Size.RequestedCPUUnits || first.Size.MemoryMiB < first.Size.RequestedMemoryMiB {
			t.Fatalf("size %+v", first.Size)
		}
	})
}

// fuzzed translates the pod with every object that it names in place, and looks for what must not be there.
func fuzzed(t *testing.T, pod *corev1.Pod) (taskdef.Translation, error) {
	sources := nodeSources()
	for _, r := range append(podenv.References(pod), podfile.References(pod, true)...) {
		if r.Kind == podenv.ConfigMap {
			sources.ConfigMaps[r.Name] = &corev1.ConfigMap{Data: map[string]string{"key": "value", "SIZE": "7", "COLOUR": "red"}}
		} else {
			secret := &corev1.Secret{Data: map[string][]byte{"key": []byte(planted), "PASSWORD": []byte(planted), "USER": []byte(planted)}}
			secret.Name, secret.UID, secret.ResourceVersion = r.Name, "77e0c1f2-0000-4000-8000-000000000001", "4711"
			sources.Secrets[r.Name] = secret
		}
	}
	in, problems := resolved(pod, sources)
	for _, p := range problems {
		if strings.Contains(p.Message, planted) {
			t.Fatalf("problem %q shows a Secret's value", p.Message)
		}
	}
	in.ServiceAccountRole = "arn:aws:iam::123456789012:role/task-" + pod.Spec.ServiceAccountName
	translation, err := taskdef.Translate(in)
	output := fmt.Sprintf("%+v %#v", in, in) + string(taskdef.WireJSON(translation.Definition)) + string(taskdef.WireJSON(translation.Run)) + strings.Join(lines(translation.Findings), "")
	if err != nil {
		output += err.Error()
	}
	if strings.Contains(output, planted) {
		t.Fatalf("output shows a Secret's value: %s", output)
	}
	return translation, err
}
