package taskdef_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// mountsOf are the mount points of container c, in their order.
func mountsOf(t *testing.T, got taskdef.Translation) []string {
	t.Helper()
	var list []string
	for _, p := range definitionOf(t, got, "c").MountPoints {
		list = append(list, *p.ContainerPath+" "+*p.SourceVolume)
	}
	return list
}

// Paths are absolute and clean, as a kubelet makes them, and what lies within another is mounted after it.
func TestMountPaths(t *testing.T) {
	got := translateSpec(t, `{containers: [{name: c, image: i, volumeMounts: [{name: a, mountPath: /etc/app/sub/}, {name: b, mountPath: "/etc//app/"}, {name: d, mountPath: data}, {name: e, mountPath: /etc/app-x}, {name: f, mountPath: memory/./}]}],
		volumes: [{name: a, configMap: {name: a}}, {name: b, configMap: {name: a}}, {name: d, emptyDir: {}}, {name: e, emptyDir: {}}, {name: f, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]}`,
		map[string]*corev1.ConfigMap{"a": {Data: map[string]string{"a": "A"}}})
	if diff := cmp.Diff([]string{"/data d", "/etc/app b", "/etc/app-x e", "/etc/app/sub a"}, mountsOf(t, got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if at := aws.ToString(definitionOf(t, got, "c").LinuxParameters.Tmpfs[0].ContainerPath); at != "/memory" {
		t.Errorf("tmpfs at %s", at)
	}
	launched(t, got)
}

// A link at a path with a slash at its end is one, and what lies within a volume is found whatever the slashes.
func TestOddMountPathsOfLinks(t *testing.T) {
	m := newMachine(t)
	const spec = `{containers: [{name: c, image: i, securityContext: {runAsUser: 0}, command: [/bin/sh, -c, "echo seen > /DATA/w/f; cat /WORK/w/f"],
		volumeMounts: [{name: work, mountPath: WORK}, {name: work, mountPath: DATA/w//, subPath: w}]}], volumes: [{name: work, emptyDir: {}}]}`
	got := translateSpec(t, spec, nil)
	m.fill(got)
	c := definitionOf(t, got, "c")
	m.mount(c)
	if said, code := m.try(c); said != "seen\n" || code != 0 {
		t.Errorf("exit code %d, said %q", code, said)
	}
}
