package taskdef

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

const (
	tmpfsTooLarge = "medium Memory, sizeLimit above the task's memory"
	disksTooLarge = "on disk, sizeLimits of more than 200 GiB"
	taskHasLess   = "the task has less room than that"
)

// Rules on volumes that may hold more than the task has room for. As with a kubelet, which reserves nothing for a
// sizeLimit, the pod runs.
var (
	ruleTmpfsTooLarge = loud("spec.volumes[].emptyDir", tmpfsTooLarge, Warned, taskHasLess, "ask for more memory, or lower sizeLimit", tmpfsAboveMemory)
	ruleDisksTooLarge = loud("spec.volumes[].emptyDir", disksTooLarge, Warned, taskHasLess, "lower sizeLimit, or have the volume lie on EBS by the annotation "+AnnotationEBS, disksAboveStorage)
)

func tmpfsAboveMemory(in Input) []hit {
	task, err := size(in.Pod, in.Settings)
	if err != nil {
		return nil // which says more
	}
	var hits []hit
	for i := range in.Pod.Spec.Volumes {
		v := &in.Pod.Spec.Volumes[i]
		if n, _ := mountsOf(in.Pod, v.Name); n == 0 || !inMemory(in.Pod, v) || v.EmptyDir.SizeLimit == nil {
			continue
		}
		if limit := mebibytes(*v.EmptyDir.SizeLimit); limit > int64(task.MemoryMiB) {
			hits = append(hits, hit{at: []int{i}, detail: "volume " + v.Name,
				what: fmt.Sprintf("the volume may hold %d MiB, and the task has %d MiB of memory for all its containers and volumes", limit, task.MemoryMiB)})
		}
	}
	return hits
}

// disksAboveStorage names the largest of the volumes that may hold too much together.
func disksAboveStorage(in Input) []hit {
	sum, largest, at := int64(0), int64(0), 0
	for i := range in.Pod.Spec.Volumes {
		limit := limitOnDisk(in.Pod, &in.Pod.Spec.Volumes[i])
		if sum += limit; limit > largest {
			largest, at = limit, i
		}
	}
	if sum+overheadBytes(in.Pod) <= maxStorageGiB<<30 {
		return nil
	}
	return []hit{{at: []int{at}, detail: "volume " + in.Pod.Spec.Volumes[at].Name,
		what: fmt.Sprintf("the pod's volumes may hold %d GiB together, and a Fargate task has at most %d GiB of ephemeral storage", (sum+1<<30-1)>>30, maxStorageGiB)}}
}

// limitOnDisk is how much a volume may hold of the task's storage, in bytes; 0: nobody says, or nothing.
func limitOnDisk(pod *corev1.Pod, v *corev1.Volume) int64 {
	if n, _ := mountsOf(pod, v.Name); n == 0 || v.EmptyDir == nil || v.EmptyDir.SizeLimit == nil || inMemory(pod, v) || isOnEBS(pod, v) {
		return 0
	}
	return capped(*v.EmptyDir.SizeLimit, mostBytes).Value()
}

// limitsOfVolumes is how much the pod's volumes on disk may hold together.
func limitsOfVolumes(pod *corev1.Pod) (sum int64) {
	for i := range pod.Spec.Volumes {
		sum += limitOnDisk(pod, &pod.Spec.Volumes[i])
	}
	return sum
}

func overheadBytes(pod *corev1.Pod) int64 {
	return capped(pod.Spec.Overhead[corev1.ResourceEphemeralStorage], mostBytes).Value()
}
