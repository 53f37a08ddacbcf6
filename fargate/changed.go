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
// containers that the API server allows: what comes next is another attempt, with the new image. A pod that is never
// to restart keeps its task, and an event says so. It is called under the lock of the joins.
func (p *Provider) restartChanged(j *join) {
	if j.deleting || j.over || j.finished != "" || j.taskARN == "" {
		return
	}
	for _, c := range slices.Concat(j.pod.Spec.InitContainers, j.pod.Spec.Containers) {
		started, known := j.images[c.Name]
		if !known || started == c.Image {
			continue
		}
		if isInit := slices.ContainsFunc(j.pod.Spec.InitContainers, func(i corev1.Container) bool { return i.Name == c.Name }); isInit {
			continue // it has done its work; the next task has the new one
		}
		if j.pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
			j.images[c.Name] = c.Image
			p.events.Event(refTo(j.pod, c.Name), corev1.EventTypeWarning, "ImageChangeNotApplied",
				"the task keeps the image it was started with, for the pod is never to restart; delete the pod to replace it")
			continue
		}
		p.events.Event(refTo(j.pod, c.Name), corev1.EventTypeNormal, "Killing", "Container "+c.Name+" definition changed, will be restarted")
		j.endFor(awserr.StopChanged+"container "+c.Name+" has another image", time.Now(), 0)
		p.stops.Add(j.pod.UID)
		return
	}
}
