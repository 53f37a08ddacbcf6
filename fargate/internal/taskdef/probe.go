package taskdef

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/healthcheck"
)

// healthCheck is the check that the container's probes with commands share; nil: it has none.
func healthCheck(c *corev1.Container) *ecstypes.HealthCheck {
	check := healthcheck.Of(c)
	if check.Command == nil {
		return nil
	}
	return &ecstypes.HealthCheck{
		Command:     append([]string{"CMD"}, check.Command...),
		Interval:    aws.Int32(check.Interval),
		Timeout:     aws.Int32(check.Timeout),
		Retries:     aws.Int32(check.Retries),
		StartPeriod: positive(int64(check.StartPeriod)),
	}
}

// leftOut finds the probes that have another command than the container's health check.
func leftOut(probe func(healthcheck.Check) *corev1.Probe) func(Input) []hit {
	return onContainers(func(c *corev1.Container) bool { return probe(healthcheck.Of(c)) != nil })
}

// offLimits finds the numbers of probes that a health check cannot have, and tells what they become. A time-out of one
// second, which is Kubernetes' default, is not worth a word: two are kinder.
func offLimits(probe func(healthcheck.Check) *corev1.Probe) func(Input) []hit {
	return inContainers(func(_ Input, c *corev1.Container) []hit {
		p := probe(healthcheck.Of(c))
		if p == nil {
			return nil
		}
		var hits []hit
		for _, number := range []struct {
			field       string
			value       int32
			least, most int32
		}{
			{"periodSeconds", cmp.Or(p.PeriodSeconds, 10), healthcheck.MinInterval, healthcheck.MaxInterval},
			{"timeoutSeconds", cmp.Or(p.TimeoutSeconds, 1), 1, healthcheck.MaxTimeout},
			{"successThreshold", cmp.Or(p.SuccessThreshold, 1), 1, 1},
		} {
			if becomes := min(max(number.value, number.least), number.most); becomes != number.value {
				hits = append(hits, hit{detail: fmt.Sprintf("%s %d becomes %d", number.field, number.value, becomes)})
			}
		}
		return hits
	})
}

func sharedStartup(c healthcheck.Check) *corev1.Probe   { return c.Startup }
func sharedLiveness(c healthcheck.Check) *corev1.Probe  { return c.Liveness }
func sharedReadiness(c healthcheck.Check) *corev1.Probe { return c.Readiness }
func otherStartup(c healthcheck.Check) *corev1.Probe    { return c.LeftOut.Startup }
func otherLiveness(c healthcheck.Check) *corev1.Probe   { return c.LeftOut.Liveness }

// ownGrace finds the probes whose failure is to give the container another grace than the pod's.
func ownGrace(probe func(*corev1.Container) *corev1.Probe) func(Input) []hit {
	return inContainers(func(in Input, c *corev1.Container) []hit {
		p := probe(c)
		if p == nil || p.TerminationGracePeriodSeconds == nil {
			return nil
		}
		its, pods := *p.TerminationGracePeriodSeconds, ptr.Deref(in.Pod.Spec.TerminationGracePeriodSeconds, defaultGracePeriod)
		if its == pods {
			return nil
		}
		return []hit{{detail: fmt.Sprintf("terminationGracePeriodSeconds %d beside the pod's %d", its, pods)}}
	})
}
