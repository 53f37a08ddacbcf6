package podenv

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// The reasons of the events about a pod's environment: those of virtual-kubelet's own resolver, which
// its end-to-end suite asserts.
const (
	ReasonOptionalConfigMapNotFound       = "OptionalConfigMapNotFound"
	ReasonOptionalConfigMapKeyNotFound    = "OptionalConfigMapKeyNotFound"
	ReasonMandatoryConfigMapNotFound      = "MandatoryConfigMapNotFound"
	ReasonMandatoryConfigMapKeyNotFound   = "MandatoryConfigMapKeyNotFound"
	ReasonOptionalSecretNotFound          = "OptionalSecretNotFound"
	ReasonOptionalSecretKeyNotFound       = "OptionalSecretKeyNotFound"
	ReasonMandatorySecretNotFound         = "MandatorySecretNotFound"
	ReasonMandatorySecretKeyNotFound      = "MandatorySecretKeyNotFound"
	ReasonInvalidEnvironmentVariableNames = "InvalidEnvironmentVariableNames"
	// The next two are our own: values that a Secret may hold and an environment variable may not.
	ReasonInvalidSecretValue = "InvalidSecretValue"
	ReasonSecretTooLarge     = "SecretTooLarge"
	// ReasonInvalidSubPath is of a subPath that leads out of its volume, or cannot be expanded: kubelet's status reason.
	ReasonInvalidSubPath = "CreateContainerConfigError"
	// ReasonUnsupported is the reason of a source that no later change of the cluster makes resolvable.
	ReasonUnsupported = "UnsupportedPodSpec"
)

// Effect is what a problem means for the pod.
type Effect int

const (
	Noted   Effect = iota // an event and no more: an optional source is missing, an unusable name is skipped
	Waits                 // the pod waits (CreateContainerConfigError) until somebody makes what is missing
	Refuses               // the pod cannot run as it is written, whatever its sources hold; see Unsupported
)

// Problem is one thing about the environment that the pod's owner should know.
type Problem struct {
	Field     string // spec.containers[0].env[1].valueFrom.configMapKeyRef
	Container string // the container's name
	Reason    string // of the event, one of the Reason constants
	Message   string // as kubelet words it: configmap "x" not found. Never a value.
	Effect    Effect
}

// Blocks tells whether the pod must not be started while the problem lasts.
func (p Problem) Blocks() bool { return p.Effect != Noted }

type problemList []Problem

// add appends the problem unless its reason to wait was given before: twenty variables from one missing
// ConfigMap are one problem. Of refusals each field has its own.
func (l *problemList) add(p Problem) {
	for _, known := range *l {
		if p.Effect != Refuses && known.Container == p.Container && known.Message == p.Message {
			return
		}
	}
	*l = append(*l, p)
}

// Unsupported returns the problems that Refuse the pod, whatever its sources hold.
func Unsupported(pod *corev1.Pod) []Problem {
	_, problems := Resolve(pod, Sources{})
	return slices.DeleteFunc(problems, func(p Problem) bool { return p.Effect != Refuses })
}
