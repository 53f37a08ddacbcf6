package fargate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awscall"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// Labels by which others tell a virtual node.
const (
	labelType        = "type" // cluster-autoscaler and CSI drivers skip type=virtual-kubelet
	virtualKubelet   = "virtual-kubelet"
	labelComputeType = "eks.amazonaws.com/compute-type" // EKS add-ons stay off fargate nodes
	labelRole        = "kubernetes.io/role"

	// ConditionFargate is True while AWS takes our calls.
	ConditionFargate corev1.NodeConditionType = "FargateAvailable"
	// ConditionPermissions is True while IAM has refused us nothing for an hour.
	ConditionPermissions corev1.NodeConditionType = "FargatePermissions"
)

// NodeOptions are what the command line says about the node.
type NodeOptions struct {
	Name       string
	InternalIP string
	Version    string        // of the kubelet, "v1.36.6-vk-v1.0.0"
	Taint      *corev1.Taint // nil: none
}

// Node is the node as it registers itself.
func (a *Account) Node(o NodeOptions) *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: o.Name, Labels: a.labels(o)},
		Spec: corev1.NodeSpec{
			// A scheme of our own: cloud controllers delete nodes whose instance they cannot find.
			ProviderID: fmt.Sprintf("ecs-fargate://%s/%s/%s", a.region, a.config.ClusterName, o.Name),
		},
		Status: corev1.NodeStatus{
			Capacity:    a.capacity(),
			Allocatable: a.capacity(),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: o.InternalIP},
				{Type: corev1.NodeHostName, Address: o.Name},
			},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: o.Version, OperatingSystem: "linux", Architecture: a.architecture(),
				OSImage: "AWS Fargate", ContainerRuntimeVersion: "ecs://" + a.platformVersion(), KernelVersion: "Fargate",
				MachineID: o.Name, SystemUUID: o.Name, BootID: o.Name,
			},
			Conditions: a.conditions(),
		},
	}
	if o.Taint != nil {
		node.Spec.Taints = []corev1.Taint{*o.Taint}
	}
	return node
}

func (a *Account) platformVersion() string { return cmp.Or(a.config.PlatformVersion, "LATEST") }

func (a *Account) architecture() string { return cmp.Or(string(a.config.Node.Architecture), "amd64") }

func (a *Account) labels(o NodeOptions) map[string]string {
	labels := map[string]string{
		labelType:                        virtualKubelet,
		labelRole:                        "agent",
		corev1.LabelHostname:             o.Name,
		corev1.LabelOSStable:             "linux",
		corev1.LabelArchStable:           a.architecture(),
		"beta.kubernetes.io/os":          "linux",
		"beta.kubernetes.io/arch":        a.architecture(),
		corev1.LabelTopologyRegion:       a.region,
		corev1.LabelNodeExcludeBalancers: "true",
		"alpha.service-controller.kubernetes.io/exclude-balancer": "true",
	}
	if a.config.Node.ComputeTypeLabel {
		labels[labelComputeType] = "fargate"
	}
	if t := a.config.Node.CapacityType; t != "" {
		maps.Copy(labels, taskdef.CapacityLabels(taskdef.CapacityType(t)))
	}
	if zone := a.zone(); zone != "" {
		labels[corev1.LabelTopologyZone] = zone
	}
	return labels
}

// zone is the one zone that all pods run in, "" if there is no such.
func (a *Account) zone() string {
	if a.config.Node.Zone == "" && a.found != nil && len(a.found.Zones) == 1 {
		return a.found.Zones[0]
	}
	return a.config.Node.Zone
}

func (a *Account) capacity() corev1.ResourceList {
	list := corev1.ResourceList{
		corev1.ResourceCPU:              a.config.CPU,
		corev1.ResourceMemory:           a.config.Memory,
		corev1.ResourcePods:             a.config.Pods,
		corev1.ResourceEphemeralStorage: a.config.Storage,
	}
	for name, quantity := range list {
		if quantity.Cmp(resource.Quantity{}) <= 0 {
			delete(list, name)
		}
	}
	return list
}

// conditions are the node's five and our own two. Memory, disk and processes are Fargate's: each task has
// its own machine, and none of them can be short for the node as a whole.
func (a *Account) conditions() []corev1.NodeCondition {
	fine := func(kind corev1.NodeConditionType, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message}
	}
	return []corev1.NodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "virtual-kubelet takes pods"},
		fine(corev1.NodeMemoryPressure, "FargateHasSufficientMemory", "each task has memory of its own"),
		fine(corev1.NodeDiskPressure, "FargateHasNoDiskPressure", "each task has a disk of its own"),
		fine(corev1.NodePIDPressure, "FargateHasSufficientPID", "each task has a kernel of its own"),
		fine(corev1.NodeNetworkUnavailable, "VPCAttached", "each task has a network interface in the VPC"),
		a.available(),
		a.permitted(),
	}
}

// available is what the last calls say about AWS.
func (a *Account) available() corev1.NodeCondition {
	troubles := a.door.Health()
	if len(troubles) == 0 {
		return corev1.NodeCondition{Type: ConditionFargate, Status: corev1.ConditionTrue, Reason: "AWSAnswers", Message: "AWS takes our calls"}
	}
	var messages []string
	for _, trouble := range troubles {
		messages = append(messages, trouble.Message)
	}
	return corev1.NodeCondition{
		Type: ConditionFargate, Status: corev1.ConditionFalse, Reason: troubles[0].Reason, Message: strings.Join(messages, "; "),
	}
}

// permitted is what IAM has refused lately, and what for. Not all of it keeps pods from running.
func (a *Account) permitted() corev1.NodeCondition {
	denials := a.door.Denied()
	if len(denials) == 0 {
		return corev1.NodeCondition{Type: ConditionPermissions, Status: corev1.ConditionTrue, Reason: "NothingDenied", Message: "IAM has refused nothing"}
	}
	var actions []string
	for _, denial := range denials {
		actions = append(actions, denial.Action+" ("+denial.For+")")
	}
	return corev1.NodeCondition{
		Type: ConditionPermissions, Status: corev1.ConditionFalse, Reason: awscall.ReasonAccessDenied,
		Message: "IAM refuses this node's AWS identity " + strings.Join(actions, ", "),
	}
}

// internalIP is the address that the node registers.
func (p *Provider) internalIP() string {
	for _, address := range p.node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}

// NotifyNodeStatus takes the callback for changes of the node's conditions. It is called once.
func (p *Provider) NotifyNodeStatus(_ context.Context, changed func(*corev1.Node)) {
	p.notifyNode <- changed
}

// denialLook is how often it is looked whether a denial has lasted long enough: nobody tells.
const denialLook = time.Minute

// watchHealth shows on the node what keeps AWS from serving us, as conditions and as events.
func (p *Provider) watchHealth(ctx context.Context) error {
	look := time.NewTicker(denialLook)
	defer look.Stop()
	var changed func(*corev1.Node)
	available, permitted := corev1.NodeCondition{Status: corev1.ConditionTrue}, corev1.NodeCondition{Status: corev1.ConditionTrue}
	for {
		select {
		case <-ctx.Done():
			return nil
		case changed = <-p.notifyNode:
		case <-p.account.health:
		case <-look.C:
		}
		if changed == nil {
			continue
		}
		p.showHealth(changed, &available, p.account.available())
		p.showHealth(changed, &permitted, p.account.permitted())
	}
}

// showHealth shows a condition that is not what was shown last.
func (p *Provider) showHealth(changed func(*corev1.Node), shown *corev1.NodeCondition, now corev1.NodeCondition) {
	if now == *shown {
		return
	}
	changed(&corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{now}}})
	// Events about nodes name them by UID = name, as kubelet does.
	node := &corev1.ObjectReference{Kind: "Node", Name: p.node.Name, UID: types.UID(p.node.Name)}
	switch {
	case now.Status == corev1.ConditionFalse:
		p.log.Warn("AWS trouble", "reason", now.Reason, "message", now.Message)
		p.events.Event(node, corev1.EventTypeWarning, now.Reason, now.Message)
	case shown.Status == corev1.ConditionFalse:
		p.log.Info("AWS trouble is over", "message", now.Message)
		p.events.Event(node, corev1.EventTypeNormal, now.Reason, now.Message)
	}
	*shown = now
}
