package fargate

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// imagesOf are the images that the containers of a task were started with, by container.
func imagesOf(task ecstypes.Task) map[string]string {
	images := map[string]string{}
	for _, c := range task.Containers {
		images[aws.ToString(c.Name)] = aws.ToString(c.Image)
	}
	return images
}

// restartChanged has the task of a pod stopped in which a container is to have another image, which is the one change to
// containers that the API server allows: what comes next is another attempt, with the new image. It is called under the
// lock of the joins.
//
// Only a pod that restarts Always has it so. kubelet would do it whatever the policy, for it starts that one container
// again; here all do, and of those the API server lets none run again that has ended for good, be it with 0 at the stop
// itself. Such a pod keeps its task, and an event says so.
func (p *Provider) restartChanged(j *join) {
	if j.deleting || j.over || j.finished != "" || j.taskARN == "" {
		return
	}
	for _, c := range slices.Concat(j.pod.Spec.InitContainers, j.pod.Spec.Containers) {
		started, known := j.images[c.Name]
		if !known || started == c.Image || pastChange(j.pod, j.status, c.Name) {
			continue
		}
		if policy := j.pod.Spec.RestartPolicy; policy != corev1.RestartPolicyAlways {
			j.images[c.Name] = c.Image // once
			p.events.Event(refTo(j.pod, c.Name), corev1.EventTypeWarning, "ImageChangeNotApplied",
				"the task keeps the image it was started with, for the pod's restartPolicy is "+string(policy)+"; delete the pod to replace it")
			continue
		}
		p.events.Event(refTo(j.pod, c.Name), corev1.EventTypeNormal, "Killing", "Container "+c.Name+" definition changed, will be restarted")
		j.failures = 0
		j.endFor(awserr.StopChanged+"container "+c.Name+" has another image", time.Now(), 0)
		p.stops.Add(j.pod.UID)
		return
	}
}

// hurryMended launches at once a pod without a task that is to have another image than its last task, and is about to be
// taken in: its failures were the other image's. kubelet counts its back-offs by container and image, too. It is called
// under the lock of the joins.
func (p *Provider) hurryMended(j *join, pod *corev1.Pod) {
	if j.taskARN != "" || j.over || j.deleting || j.refusal != "" || !hasOtherImage(pod, imagesNamed(j.pod)) {
		return
	}
	j.failures, j.notBefore = 0, time.Time{}
	p.launches.Add(turnOf(pod)) // a launch under way is done first
}

// forgiveMended does the same for one whose image has changed unseen, before its task had ended. It is called under the
// lock of the joins.
func forgiveMended(j *join) {
	if hasOtherImage(j.pod, j.images) {
		j.failures = 0
	}
}

// hasOtherImage reports whether a container is to have another image than these, by container; one without does not count.
func hasOtherImage(pod *corev1.Pod, images map[string]string) bool {
	for name, image := range imagesNamed(pod) {
		if before, known := images[name]; known && before != image {
			return true
		}
	}
	return false
}

// imagesNamed are the images that a pod's containers are to have, by container.
func imagesNamed(pod *corev1.Pod) map[string]string {
	images := map[string]string{}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		images[c.Name] = c.Image
	}
	return images
}

// pastChange reports whether a container has ended, or is an init container that runs and will: kubelet lets these be, too.
func pastChange(pod *corev1.Pod, status corev1.PodStatus, container string) bool {
	inits := slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == container && (c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways)
	})
	return inits && runs(status, container) || hasEnded(status, container)
}

func hasEnded(status corev1.PodStatus, container string) bool {
	return slices.ContainsFunc(slices.Concat(status.InitContainerStatuses, status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.Name == container && s.State.Terminated != nil
	})
}
