package taskdef_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// holding is a pod with volumes of ConfigMaps of so many bytes that do not get smaller, and what it takes them from.
func holding(t *testing.T, lengths ...int) taskdef.Input {
	t.Helper()
	pod, sources := barePod(), nodeSources()
	var volumes []string
	for i, length := range lengths {
		name := fmt.Sprintf("v%d", i)
		volumes = append(volumes, fmt.Sprintf("{name: %s, configMap: {name: %s}}", name, name))
		pod.Spec.Containers[0].VolumeMounts = append(pod.Spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: name, MountPath: "/" + name})
		sources.ConfigMaps[name] = &corev1.ConfigMap{BinaryData: map[string][]byte{"noise": noise(length)}}
	}
	decodeStrict(t, "volumes: ["+strings.Join(volumes, ", ")+"]", &pod.Spec)
	in, _ := resolved(pod, sources)
	return in
}

// All that volumes hold goes through one environment, of which Linux takes a quarter of the stack's limit, 2 MiB with the
// usual 8: up to what is refused it must really go through.
func TestFilesThroughOneEnvironment(t *testing.T) {
	const most = 1_900_000 / 4 * 3 // in base64
	in := holding(t, 700_000, most-700_000-3_000)
	got, err := taskdef.Translate(in)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{} // by what a definition says to find it
	for _, d := range in.Files.Documents() {
		content[secretARN(d.Address)+":archive::v1"] = strings.TrimSuffix(strings.TrimPrefix(d.Content.Reveal(), `{"archive":"`), `"}`)
	}
	files := definitionOf(t, got, "vk-files")
	var environment []string
	for _, s := range files.Secrets {
		environment = append(environment, *s.Name+"="+content[*s.ValueFrom])
	}
	m := newMachine(t)
	for _, p := range files.MountPoints {
		m.make(*p.ContainerPath)
	}
	m.start(files, environment...)
	for name, length := range map[string]int{"v0": 700_000, "v1": most - 700_000 - 3_000} {
		if found, err := os.ReadFile(filepath.Join(m.root, "vk/volumes", name, "noise")); err != nil || !bytes.Equal(found, noise(length)) {
			t.Errorf("%s: %d bytes, %v", name, len(found), err)
		}
	}
	_, err = taskdef.Translate(holding(t, 700_000, most-700_000+1_000))
	if err == nil || !strings.Contains(err.Error(), "volumes v0, v1 take 190") {
		t.Errorf("more than go through: %v", err)
	}
}
