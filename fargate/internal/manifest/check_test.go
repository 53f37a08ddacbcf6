package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
)

// faults are what is wrong with a text, a line each.
func faults(text string) []string {
	_, err := manifest.Read("team", manifest.File{Name: "pod.yaml", Text: []byte(text)})
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// What no API server takes is not explained.
func TestWhatTheAPIServerRefuses(t *testing.T) {
	const (
		pod       = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n"
		container = "  containers:\n  - name: a\n    image: a\n"
		job       = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec:\n  template:\n    spec: {"
	)
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"no image": {pod + "  containers:\n  - name: a\n  initContainers:\n  - {name: b}\n", []string{
			"pod.yaml:8: Pod a: spec.initContainers[0].image: missing; name one",
			"pod.yaml:6: Pod a: spec.containers[0].image: missing; name one"}},
		"one name twice, and none": {pod + container + "  - {name: a, image: b}\n  - {image: b}\n  - {name: B_, image: b}\n  initContainers: [{name: a, image: a}]\n", []string{
			`pod.yaml:6: Pod a: spec.containers[0].name: "a" is there already; it must be unique`,
			`pod.yaml:8: Pod a: spec.containers[1].name: "a" is there already; it must be unique`,
			"pod.yaml:9: Pod a: spec.containers[2].name: missing; name it",
			`pod.yaml:10: Pod a: spec.containers[3].name: "B_"; it must be at most 63 of a-z, 0-9 and -, with - neither first nor last`}},
		"a mount and a device of no volume": {pod + container + "    volumeMounts:\n    - name: dta\n      mountPath: /d\n    volumeDevices: [{name: x, devicePath: /dev/x}]\n  volumes: [{name: data, emptyDir: {}}, {name: more}]\n", []string{
			`pod.yaml:9: Pod a: spec.containers[0].volumeMounts[0].name: there is no volume "dta"; the pod has: data, more`,
			`pod.yaml:11: Pod a: spec.containers[0].volumeDevices[0].name: there is no volume "x"; the pod has: data, more`}},
		"a mount without volumes": {pod + container + "    volumeMounts: [{name: v, mountPath: /d}]\n", []string{
			`pod.yaml:8: Pod a: spec.containers[0].volumeMounts[0].name: there is no volume "v"; the pod has none`}},
		"mounts at one path, and at none": {pod + container + "    volumeMounts: [{name: v, mountPath: /d}, {name: v, mountPath: /d, subPath: a}, {name: v}]\n  volumes: [{name: v}]\n", []string{
			`pod.yaml:8: Pod a: spec.containers[0].volumeMounts[1].mountPath: "/d" is there already; it must be unique`,
			`pod.yaml:8: Pod a: spec.containers[0].volumeMounts[2].mountPath: missing; name a path in the container`}},
		"volumes of one name, and of two sources": {pod + container + "  volumes:\n  - name: v\n    emptyDir: {sizeLimit: \"-1\"}\n    configMap: {name: c}\n  - name: v\n", []string{
			"pod.yaml:9: Pod a: spec.volumes[0]: 2 sources; it must be one",
			"pod.yaml:10: Pod a: spec.volumes[0].emptyDir.sizeLimit: -1; it must be at least 0",
			`pod.yaml:12: Pod a: spec.volumes[1].name: "v" is there already; it must be unique`}},
		"quantities": {pod + container + "    resources:\n      limits: {cpu: 1, memory: 1Gi, ephemeral-storage: \"-1\"}\n      requests:\n        cpu: \"-1\"\n        memory: 2Gi\n  resources: {limits: {cpu: \"-1\"}}\n", []string{
			"pod.yaml:13: Pod a: spec.resources.limits.cpu: -1; it must be at least 0",
			"pod.yaml:9: Pod a: spec.containers[0].resources.limits.ephemeral-storage: -1; it must be at least 0",
			"pod.yaml:11: Pod a: spec.containers[0].resources.requests.cpu: -1; it must be at least 0",
			"pod.yaml:12: Pod a: spec.containers[0].resources.requests.memory: 2Gi; it must be at most the limit of 1Gi"}},
		"ports": {pod + container + "    ports: [{containerPort: 70000, hostPort: -1, protocol: tcp}, {name: x}]\n    livenessProbe: {httpGet: {path: /}}\n    readinessProbe: {tcpSocket: {port: 65536}}\n    startupProbe: {grpc: {port: -1}}\n", []string{
			"pod.yaml:8: Pod a: spec.containers[0].ports[0].containerPort: 70000; it must be 1 to 65535",
			"pod.yaml:8: Pod a: spec.containers[0].ports[0].hostPort: -1; it must be 1 to 65535",
			`pod.yaml:8: Pod a: spec.containers[0].ports[0].protocol: "tcp"; it must be TCP, UDP, SCTP`,
			"pod.yaml:8: Pod a: spec.containers[0].ports[1].containerPort: 0; it must be 1 to 65535",
			"pod.yaml:9: Pod a: spec.containers[0].livenessProbe.httpGet.port: 0; it must be 1 to 65535",
			"pod.yaml:10: Pod a: spec.containers[0].readinessProbe.tcpSocket.port: 65536; it must be 1 to 65535",
			"pod.yaml:11: Pod a: spec.containers[0].startupProbe.grpc.port: -1; it must be 1 to 65535"}},
		"words": {pod + "  restartPolicy: always\n  dnsPolicy: none\n" + container + "    imagePullPolicy: IfMissing\n    restartPolicy: Sometimes\n", []string{
			`pod.yaml:5: Pod a: spec.restartPolicy: "always"; it must be Always, OnFailure, Never`,
			`pod.yaml:6: Pod a: spec.dnsPolicy: "none"; it must be ClusterFirst, ClusterFirstWithHostNet, Default, None`,
			`pod.yaml:10: Pod a: spec.containers[0].imagePullPolicy: "IfMissing"; it must be Always, IfNotPresent, Never`,
			`pod.yaml:11: Pod a: spec.containers[0].restartPolicy: "Sometimes"; it must be Always, OnFailure, Never`}},
		"a Deployment's pods do not end": {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    spec: {restartPolicy: Never, containers: [{name: a, image: a}]}\n", []string{
			`pod.yaml:6: Deployment a: spec.template.spec.restartPolicy: "Never"; it must be Always`}},
		"a Job's pods end": {job + "restartPolicy: Always, containers: [{name: a, image: a}]}\n---\n" + job + "containers: [{name: a, image: a}]}\n", []string{
			`pod.yaml:6: Job a: spec.template.spec.restartPolicy: "Always"; it must be OnFailure, Never`,
			"pod.yaml:13: Job a: spec.template.spec.restartPolicy: missing; it must be OnFailure, Never"}},
		"a List's item, in JSON and through an alias": {"# A comment.\n" + `{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}},
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [
    {"name": "a", "image": "a", "ports": &p [
      {"containerPort": 70000}]},
    {"name": "b", "image": "a", "ports": *p}]}}]}`, []string{
			"pod.yaml:6: Pod a: spec.containers[0].ports[0].containerPort: 70000; it must be 1 to 65535",
			"pod.yaml:6: Pod a: spec.containers[1].ports[0].containerPort: 70000; it must be 1 to 65535"}},
		"none of it": {pod + "  restartPolicy: Never\n  initContainers: [{name: i, image: i, restartPolicy: Always}]\n" + container +
			"    ports: [{containerPort: 1, protocol: SCTP}]\n    livenessProbe: {httpGet: {port: http}}\n    resources: {limits: {cpu: 1}, requests: {cpu: 1000m, memory: 0}}\n    volumeMounts: [{name: v, mountPath: /v}]\n  volumes: [{name: v}]\n", nil},
		"a StatefulSet's claims are volumes": {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: data}}], template: {spec: {volumes: [{name: data, emptyDir: {}}], containers: [{name: a, image: a, volumeMounts: [{name: data, mountPath: /d}]}]}}}}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, faults(row.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
