package prober

import (
	"iter"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/healthcheck"
)

// Kind is which of a container's probes.
type Kind int

const (
	Startup Kind = iota
	Liveness
	Readiness

	kinds = iota

	// PostStart is no probe, but its hook fails as one does.
	PostStart Kind = kinds
)

func (k Kind) String() string {
	return [kinds + 1]string{"Startup", "Liveness", "Readiness", "PostStart"}[k]
}

// Results are what the probes say of a pod's containers, by name. Those without probes and hooks are not in it.
type Results map[string]Result

// Result is what the probes say of a container.
type Result struct {
	Started bool
	Ready   bool
	Failed  *Failure // nil: it need not be restarted
}

// Failure is why a container is to be restarted. It stays until another container is in its place.
type Failure struct {
	Kind      Kind          // Startup, Liveness or PostStart
	Message   string        // as in the event of the failure that was one too many
	Grace     time.Duration // terminationGracePeriodSeconds of the probe; 0: the pod's own counts
	Unreached bool          // as in the event
}

// Of is the result of a container that runs: one without probes is started and ready.
func (r Results) Of(container string) Result {
	if result, probed := r[container]; probed {
		return result
	}
	return Result{Started: true, Ready: true}
}

// containers are those that may have probes: the pod's own, and sidecars.
func containers(pod *corev1.Pod) iter.Seq[*corev1.Container] {
	return func(yield func(*corev1.Container) bool) {
		for i := range pod.Spec.InitContainers {
			c := &pod.Spec.InitContainers[i]
			sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
			if sidecar && !yield(c) {
				return
			}
		}
		for i := range pod.Spec.Containers {
			if !yield(&pod.Spec.Containers[i]) {
				return
			}
		}
	}
}

// probed reports whether a container has probes that a Prober makes, or judges by its health.
func probed(c *corev1.Container) bool {
	return overNetwork(c, Startup) != nil || overNetwork(c, Liveness) != nil || overNetwork(c, Readiness) != nil ||
		healthcheck.Of(c).Command != nil
}

// overNetwork is the container's probe of that kind if a Prober makes it, else nil.
func overNetwork(c *corev1.Container, kind Kind) *corev1.Probe {
	probe := specified(c, kind)
	if probe == nil || probe.HTTPGet == nil && probe.TCPSocket == nil && probe.GRPC == nil {
		return nil
	}
	return probe
}

func specified(c *corev1.Container, kind Kind) *corev1.Probe {
	return [kinds]*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe}[kind]
}
