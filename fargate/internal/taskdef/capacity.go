package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// CapacityType is how AWS sells the capacity that a task runs on.
type CapacityType string

const (
	OnDemand CapacityType = "on-demand"
	Spot     CapacityType = "spot"
)

const (
	annotationCapacityType = podid.AnnotationPrefix + "capacity-type"

	// The labels by which others select a capacity type: Karpenter's, and that of EKS's managed node groups.
	labelCapacityType    = "karpenter.sh/capacity-type"
	labelEKSCapacityType = "eks.amazonaws.com/capacityType"
)

// CapacityLabels are the labels of a node whose pods run on a capacity type.
func CapacityLabels(t CapacityType) map[string]string {
	eks := strings.ToUpper(strings.ReplaceAll(string(t), "-", "_")) // SPOT, ON_DEMAND
	return map[string]string{labelCapacityType: string(t), labelEKSCapacityType: eks}
}

// CapacityOf is what the pod runs on: by its annotation, else by what it selects nodes by, else as the node's others.
func CapacityOf(pod *corev1.Pod, settings Settings) CapacityType {
	asked, _ := asksOf(pod)
	if asked.capacityType != "" {
		return CapacityType(asked.capacityType)
	}
	for _, t := range []CapacityType{Spot, OnDemand} {
		for key, value := range CapacityLabels(t) {
			if selects(pod, key, value) {
				return t
			}
		}
	}
	if settings.CapacityType == Spot {
		return Spot
	}
	return OnDemand
}

// capacity is where RunTask starts the task: with a launch type, or by a strategy, never both (API reference: RunTask).
func capacity(in Input) (ecstypes.LaunchType, []ecstypes.CapacityProviderStrategyItem) {
	if CapacityOf(in.Pod, in.Settings) == Spot {
		return "", []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT"), Weight: 1}}
	}
	return ecstypes.LaunchTypeFargate, nil
}

// pricesOf are those that the pod's size is chosen by.
func pricesOf(pod *corev1.Pod, settings Settings) Prices {
	if CapacityOf(pod, settings) == Spot {
		return settings.SpotPrices
	}
	return settings.Prices
}

// requirements are what the pod requires of a node's label: of each term of its required node affinity, of which one has
// to hold, together with its nodeSelector, those about the label. A pod without affinity has one term.
func requirements(pod *corev1.Pod, key string) [][]corev1.NodeSelectorRequirement {
	var always []corev1.NodeSelectorRequirement
	if value, ok := pod.Spec.NodeSelector[key]; ok {
		always = append(always, corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}})
	}
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return [][]corev1.NodeSelectorRequirement{always}
	}
	var terms [][]corev1.NodeSelectorRequirement
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		ofKey := slices.Clone(always)
		for _, r := range term.MatchExpressions {
			if r.Key == key {
				ofKey = append(ofKey, r)
			}
		}
		terms = append(terms, ofKey)
	}
	return terms
}

// selects tells whether each of the pod's terms requires the label to have that one value.
func selects(pod *corev1.Pod, key, value string) bool {
	terms := requirements(pod, key)
	return len(terms) > 0 && !slices.ContainsFunc(terms, func(term []corev1.NodeSelectorRequirement) bool {
		return !slices.ContainsFunc(term, func(r corev1.NodeSelectorRequirement) bool {
			return r.Operator == corev1.NodeSelectorOpIn && slices.Equal(r.Values, []string{value})
		})
	})
}

// excludes tells whether none of the pod's terms lets the label have the value.
func excludes(pod *corev1.Pod, key, value string) bool {
	terms := requirements(pod, key)
	return len(terms) > 0 && !slices.ContainsFunc(terms, func(term []corev1.NodeSelectorRequirement) bool {
		return !slices.ContainsFunc(term, func(r corev1.NodeSelectorRequirement) bool { return contradicts(r, value) })
	})
}

func contradicts(r corev1.NodeSelectorRequirement, value string) bool {
	switch r.Operator {
	case corev1.NodeSelectorOpIn:
		return !slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpNotIn:
		return slices.Contains(r.Values, value)
	case corev1.NodeSelectorOpDoesNotExist:
		return true
	}
	return false
}

const (
	fieldNodeSelector = "spec.nodeSelector"
	fieldAffinity     = "spec.affinity"
	otherArchitecture = "of another architecture than the node's"
	otherSystem       = "of another operating system than Linux"
	ofCapacity        = "of " + labelCapacityType + " or " + labelEKSCapacityType
	ruledOut          = "the pod selects what this node does not have"
	chooseAnother     = "let it select a node of that kind, for which [Node] Architecture in fargate.toml makes one"
	chooseSystem      = "choose a node of that operating system"
)

// nodeSelectorRules and affinityRules speak to pods that are here although they select machines of another kind, by
// spec.nodeName mostly.
var nodeSelectorRules = []rule{
	quietCase(fieldNodeSelector, ofCapacity, Mapped, "Spot or on demand, unless the annotation "+annotationCapacityType+" says otherwise"),
	loud(fieldNodeSelector, otherArchitecture, Refused, ruledOut, chooseAnother, rulesOut(bySelector, architectureOf)),
	loud(fieldNodeSelector, otherSystem, Refused, ruledOut, chooseSystem, rulesOut(bySelector, linux)),
}

var affinityRules = []rule{
	quietCase(fieldAffinity, "required, "+ofCapacity, Mapped, "Spot or on demand, as spec.nodeSelector"),
	loud(fieldAffinity, "required, "+otherArchitecture, Refused, ruledOut, chooseAnother, rulesOut(byAffinity, architectureOf)),
	loud(fieldAffinity, "required, "+otherSystem, Refused, ruledOut, chooseSystem, rulesOut(byAffinity, linux)),
}

func bySelector(spec corev1.PodSpec) corev1.PodSpec {
	return corev1.PodSpec{NodeSelector: spec.NodeSelector}
}
func byAffinity(spec corev1.PodSpec) corev1.PodSpec { return corev1.PodSpec{Affinity: spec.Affinity} }

// architectureOf and linux are what the node has: the label, without the prefix that it once had, and its value.
func architectureOf(s Settings) (label, value string) {
	return corev1.LabelArchStable, s.architecture()
}
func linux(Settings) (label, value string) { return corev1.LabelOSStable, "linux" }

// rulesOut finds pods of which a part of the spec rules out what the node has.
func rulesOut(part func(corev1.PodSpec) corev1.PodSpec, has func(Settings) (label, value string)) func(Input) []hit {
	return func(in Input) []hit {
		label, value := has(in.Settings)
		pod := &corev1.Pod{Spec: part(in.Pod.Spec)}
		for _, key := range []string{label, "beta." + label} {
			if excludes(pod, key, value) {
				return []hit{{what: "the node's " + key + " is " + value + ", which the pod rules out"}}
			}
		}
		return nil
	}
}

// architecture of the node's tasks, as Kubernetes spells it.
func (s Settings) architecture() string {
	if s.Architecture == "" {
		return "amd64"
	}
	return s.Architecture
}

func cpuArchitecture(s Settings) ecstypes.CPUArchitecture {
	if s.architecture() == "arm64" {
		return ecstypes.CPUArchitectureArm64
	}
	return ecstypes.CPUArchitectureX8664
}
