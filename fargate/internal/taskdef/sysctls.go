package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
)

// ipcSysctls are those of an IPC namespace, of which each container has its own (API reference: SystemControl).
var ipcSysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
}

// sysctlName is a sysctl as ECS writes it: Kubernetes lets slashes stand for dots.
func sysctlName(s corev1.Sysctl) string { return strings.ReplaceAll(s.Name, "/", ".") }

// ofNetwork are of the task's network, which all its containers share.
func ofNetwork(name string) bool { return strings.HasPrefix(name, "net.") }

func ofIPC(name string) bool {
	return slices.Contains(ipcSysctls, name) || strings.HasPrefix(name, "fs.mqueue.")
}

// foreignSysctls are those that Fargate does not set.
func foreignSysctls(in Input) []hit {
	var hits []hit
	for _, s := range podSecurity(in.Pod).Sysctls {
		if name := sysctlName(s); !ofNetwork(name) && !ofIPC(name) {
			hits = append(hits, hit{detail: s.Name})
		}
	}
	return hits
}

// systemControls are the pod's sysctls for one container: those of the network are said once a task, the others in each.
func systemControls(pod *corev1.Pod, first bool) []ecstypes.SystemControl {
	var controls []ecstypes.SystemControl
	for _, s := range podSecurity(pod).Sysctls {
		if name := sysctlName(s); ofIPC(name) || first && ofNetwork(name) {
			controls = append(controls, ecstypes.SystemControl{Namespace: aws.String(name), Value: aws.String(s.Value)})
		}
	}
	return controls
}
