package fargate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

// probe has the pod's containers probed as its task shows them, and returns its status with what the probes say. It is
// called under the lock of the joins.
func (p *Provider) probe(j *join, pod *corev1.Pod, task ecstypes.Task, status corev1.PodStatus) corev1.PodStatus {
	results := p.prober.Watch(pod, runningOf(pod, task, status))
	j.alive = podstatus.IsAlive(task)
	if !j.alive {
		return status
	}
	p.restartUnhealthy(j, results)
	return podstatus.Probed(pod, status, probes(results))
}

// kubernetesVersion is the node's, "1.36", as kubelet names it to what it asks.
func kubernetesVersion(node *corev1.Node) string {
	parsed, err := version.ParseGeneric(node.Status.NodeInfo.KubeletVersion)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d", parsed.Major(), parsed.Minor())
}

// probed takes in that probes say something else.
func (p *Provider) probed(uid types.UID) {
	p.joins.update(uid, func(j *join) {
		if !j.alive || j.over {
			return
		}
		results := p.prober.Results(uid)
		p.restartUnhealthy(j, results)
		j.status = podstatus.Probed(j.view(), j.status, probes(results))
	})
	p.changed(uid)
}

// restartUnhealthy has the task stopped if a container has failed a probe that it may not: what comes next is another
// attempt. It is called under the lock of the joins.
func (p *Provider) restartUnhealthy(j *join, results prober.Results) {
	if j.deleting || j.finished != "" {
		return
	}
	for _, c := range slices.Concat(j.pod.Spec.InitContainers, j.pod.Spec.Containers) {
		failure := results.Of(c.Name).Failed
		if failure == nil {
			continue
		}
		p.events.Event(refTo(j.pod, c.Name), corev1.EventTypeNormal, "Killing", killing(j.pod, c.Name, failure))
		j.endFor(awserr.StopUnhealthy+"container "+c.Name+" failed its "+what(failure), time.Now(), failure.Grace)
		p.stops.Add(j.pod.UID)
		return
	}
}

// killing is what kubelet says of a container that has failed.
func killing(pod *corev1.Pod, container string, failure *prober.Failure) string {
	if failure.Kind == prober.PostStart {
		return prober.ReasonPostStart
	}
	message := "Container " + container + " failed " + what(failure)
	if pod.Spec.RestartPolicy != corev1.RestartPolicyNever {
		message += ", will be restarted"
	}
	return message
}

func what(failure *prober.Failure) string {
	if failure.Kind == prober.PostStart {
		return "postStart hook"
	}
	return strings.ToLower(failure.Kind.String()) + " probe"
}

// unreachedHint is for a probe that found nobody, not even somebody who refuses.
const unreachedHint = " (if it should answer: the security group of the tasks must admit the daemon)"

// tellProbe records a probe or a hook that went wrong; of a pod that is deleted, hooks alone.
func (p *Provider) tellProbe(e prober.Event) {
	j, ok := p.joins.get(e.UID)
	if !ok || j.deleting && e.Reason != prober.ReasonHTTPFallback {
		return
	}
	message := e.Message
	if e.Unreached {
		message += unreachedHint
	}
	p.events.Event(refTo(j.pod, e.Container), corev1.EventTypeWarning, e.Reason, message)
}

// runningOf is what runs of a pod by its task and the status derived from that.
func runningOf(pod *corev1.Pod, task ecstypes.Task, status corev1.PodStatus) prober.Running {
	now := prober.Running{
		IP: status.PodIP, Containers: map[string]prober.Container{},
		Ending: pod.DeletionTimestamp != nil || !podstatus.IsAlive(task),
	}
	before := map[string]corev1.ContainerStatus{}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		before[s.Name] = s
	}
	for _, s := range slices.Concat(status.InitContainerStatuses, status.ContainerStatuses) {
		if s.State.Running == nil {
			continue
		}
		c := prober.Container{ID: aws.ToString(task.TaskArn), StartedAt: s.State.Running.StartedAt.Time, Health: healthOf(task, s.Name)}
		if was := before[s.Name]; was.State.Running != nil && podstatus.IsSameRun(was.ContainerID, s.ContainerID) {
			c.Started, c.Ready = aws.ToBool(was.Started), was.Ready
		}
		now.Containers[s.Name] = c
	}
	return now
}

// healthOf is what ECS says of a container's health check.
func healthOf(task ecstypes.Task, container string) prober.Health {
	for _, c := range task.Containers {
		switch {
		case aws.ToString(c.Name) != container:
		case c.HealthStatus == ecstypes.HealthStatusHealthy:
			return prober.Healthy
		case c.HealthStatus == ecstypes.HealthStatusUnhealthy:
			return prober.Unhealthy
		}
	}
	return prober.HealthUnknown
}

func probes(results prober.Results) podstatus.Probes {
	all := podstatus.Probes{}
	for name, result := range results {
		all[name] = struct{ Started, Ready bool }{result.Started, result.Ready}
	}
	return all
}
