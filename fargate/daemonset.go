package fargate

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// daemonSetMode is what becomes of one pod on account of its DaemonSet.
type daemonSetMode int

const (
	daemonSetRuns    daemonSetMode = iota // not a DaemonSet's, or meant for this node
	daemonSetIgnored                      // not started, and does not hold up its rollout
	daemonSetHeld                         // stays Pending
)

// daemonSetMode judges a pod.
func (p *Provider) daemonSetMode(pod *corev1.Pod) daemonSetMode {
	return daemonSetModeOf(pod, p.account.config.DaemonSets.Mode, p.node.Labels)
}

// daemonSetModeOf judges a pod by fargate.toml and the node's labels. Node agents make no sense on Fargate, and a virtual
// node attracts those of every DaemonSet; one whose nodeSelector names this kind of node means it.
func daemonSetModeOf(pod *corev1.Pod, mode providerconfig.DaemonSetMode, labels map[string]string) daemonSetMode {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "DaemonSet" || meant(pod, labels) {
		return daemonSetRuns
	}
	switch mode {
	case providerconfig.DaemonSetRun:
		return daemonSetRuns
	case providerconfig.DaemonSetHold:
		return daemonSetHeld
	default:
		return daemonSetIgnored
	}
}

// meant reports whether the pod's nodeSelector asks for a virtual node, or the one with these labels by name.
func meant(pod *corev1.Pod, labels map[string]string) bool {
	for _, label := range []string{labelType, corev1.LabelHostname, labelComputeType} {
		if value, asked := pod.Spec.NodeSelector[label]; asked && value == labels[label] {
			return true
		}
	}
	return false
}

// tellDaemonSet says once a pod why it is not started, and how to keep it off this node.
func (p *Provider) tellDaemonSet(pod *corev1.Pod, mode daemonSetMode) {
	if mode == daemonSetHeld {
		p.wait(pod.UID, "HeldOnFargate", "fargate.toml holds DaemonSet pods: [DaemonSets] Mode")
	}
	p.events.Eventf(pod, corev1.EventTypeNormal, "NotRunOnFargate",
		"Node %s does not run DaemonSet pods; to keep them off it, give the DaemonSet a node affinity %q NotIn %q, or set [DaemonSets] Mode in fargate.toml",
		p.node.Name, labelType, virtualKubelet)
}
