package taskdef_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// longest is as long as the name of an image may be.
var longest, digest = strings.Repeat("i", 255), "@sha256:" + strings.Repeat("0", 64)

// What a container's fields become. Only the members under test are compared.
func TestContainerDefinition(t *testing.T) {
	for name, test := range map[string]struct {
		why, container string
		member         string
		want           any
	}{
		"command and arguments": {"the first word is out of reach of overrides, the rest is not",
			`{command: [sh, -c], args: [echo]}`, "entryPoint", []any{"sh"}},
		"the rest of the command": {"words of command come before those of args",
			`{command: [sh, -c], args: [echo]}`, "command", []any{"-c", "echo"}},
		"arguments alone": {"the image's entry point stays",
			`{args: [--verbose]}`, "entryPoint", nil},
		"a command alone": {"the image's own arguments are not for another entry point",
			`{command: [sleep]}`, "command", nil},
		"one number for TCP and UDP": {"ECS refuses it twice",
			`{ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]}`, "portMappings", []any{map[string]any{"containerPort": int32(53), "protocol": "tcp"}}},
		"UDP": {"protocols are lower case in ECS",
			`{ports: [{containerPort: 53, protocol: UDP}]}`, "portMappings", []any{map[string]any{"containerPort": int32(53), "protocol": "udp"}}},
		"SCTP": {"ECS has no word for it",
			`{ports: [{containerPort: 53, protocol: SCTP}]}`, "portMappings", nil},
		"user and group": {"as docker writes them",
			`{securityContext: {runAsUser: 1000, runAsGroup: 0}}`, "user", "1000:0"},
		"user alone": {"the group is the image's",
			`{securityContext: {runAsUser: 0}}`, "user", "0"},
		"all capabilities dropped": {"ECS knows ALL too",
			`{securityContext: {capabilities: {drop: [ALL]}}}`, "linuxParameters", map[string]any{"capabilities": map[string]any{"drop": []any{"ALL"}}}},
		"all dropped, ptrace added": {"the one that Fargate can add",
			`{securityContext: {capabilities: {drop: [all], add: [CAP_SYS_PTRACE]}}}`, "linuxParameters", map[string]any{"capabilities": map[string]any{"drop": []any{"ALL"}, "add": []any{"SYS_PTRACE"}}}},
		"a default one added": {"a container has it anyway",
			`{securityContext: {capabilities: {add: [CHOWN]}}}`, "linuxParameters", nil},
		"all dropped, one kept": {"what is kept cannot be added, so all others are dropped by name",
			`{securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}`, "linuxParameters", map[string]any{"capabilities": map[string]any{"drop": []any{
				"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}}}},
		"dropped without need": {"a container has none of these, and ECS refuses the last three, which it does not know",
			`{securityContext: {capabilities: {drop: [NET_ADMIN, BPF, PERFMON, CHECKPOINT_RESTORE]}}}`, "linuxParameters", nil},
		"dropped with need": {"it goes, whatever else is named",
			`{securityContext: {capabilities: {drop: [NET_RAW, BPF, FOO], add: [SYS_PTRACE]}}}`, "linuxParameters", map[string]any{"capabilities": map[string]any{"drop": []any{"NET_RAW"}, "add": []any{"SYS_PTRACE"}}}},
		"a digest": {"it does not count among the 255 characters of an image",
			`{image: "` + longest + digest + `"}`, "image", longest + digest},
		"a writable root": {"false is ECS's default and is not sent",
			`{securityContext: {readOnlyRootFilesystem: false}}`, "readonlyRootFilesystem", nil},
		"limit and request alike": {"ECS wants a limit above the reservation, or no reservation",
			`{resources: {requests: {memory: 64Mi}, limits: {memory: 64Mi}}}`, "memoryReservation", nil},
		"a limit": {"it is hard",
			`{resources: {requests: {memory: 64Mi}, limits: {memory: 65Mi}}}`, "memory", int32(65)},
		"no limit": {"a container without one may use all of the task",
			`{resources: {requests: {memory: 64Mi}}}`, "memory", nil},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, test.container, &pod.Spec.Containers[0])
			got, err := translate(pod)
			if err != nil {
				t.Fatal(err)
			}
			container := taskdef.Wire(got.Definition.ContainerDefinitions[0]).(map[string]any)
			if diff := cmp.Diff(test.want, container[test.member]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", test.member, test.why, diff)
			}
		})
	}
}
