package taskdef

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// AnnotationEBS is the pod annotation that has one emptyDir of the pod lie on an EBS volume that is made for the task
// and goes with it: "scratch,size=200Gi,type=gp3". The name is that of the volume; without a size its sizeLimit counts.
const AnnotationEBS = podid.AnnotationPrefix + "ebs-volume"

// blockVolumeKind is what a type of EBS has: from the least to the most; zero: it cannot be said.
type blockVolumeKind struct {
	sizeGiB          [2]int32
	iops, throughput [2]int32 // operations, MiB a second
	iopsPerGiB       int32    // at most, but the least in any case
	needsIOPS        bool
}

// blockVolumeKinds are those on Fargate; API reference: TaskManagedEBSVolumeConfiguration, but the least throughput: EC2
// API reference, CreateVolume. How they depend on each other: EBS user guide, "General Purpose SSD volumes" and
// "Provisioned IOPS SSD volumes"; AWS's EBS CSI driver has the same numbers (pkg/cloud, "AWS provisioning limits").
var blockVolumeKinds = map[string]blockVolumeKind{
	"gp2": {sizeGiB: [2]int32{1, 16384}},
	"gp3": {sizeGiB: [2]int32{1, 16384}, iops: [2]int32{3000, 16000}, iopsPerGiB: 500, throughput: [2]int32{125, 1000}},
	"io1": {sizeGiB: [2]int32{4, 16384}, iops: [2]int32{100, 64000}, iopsPerGiB: 50, needsIOPS: true},
	"io2": {sizeGiB: [2]int32{4, 16384}, iops: [2]int32{100, 256000}, iopsPerGiB: 1000, needsIOPS: true},
	"sc1": {sizeGiB: [2]int32{125, 16384}},
	"st1": {sizeGiB: [2]int32{125, 16384}},
}

// blockVolume is what the annotation asks for.
type blockVolume struct {
	name             string // of the pod's volume
	sizeGiB          int32
	kind             string // gp3 unless said
	iops, throughput int32  // 0: AWS's default
	filesystem       ecstypes.TaskFilesystemType
}

// blockVolumeOf reads the annotation; nil without one. fault says what is wrong with it.
func blockVolumeOf(pod *corev1.Pod) (b *blockVolume, fault string) {
	text, asked := pod.Annotations[AnnotationEBS]
	if !asked {
		return nil, ""
	}
	words := strings.Split(text, ",")
	b = &blockVolume{name: strings.TrimSpace(words[0]), kind: "gp3"}
	v := volumeNamed(pod, b.name)
	if v == nil || v.EmptyDir == nil || v.EmptyDir.Medium != corev1.StorageMediumDefault {
		return nil, fmt.Sprintf("%s is no emptyDir of the pod, on disk", shortened(b.name))
	}
	if v.EmptyDir.SizeLimit != nil {
		b.sizeGiB = gibibytesOf(*v.EmptyDir.SizeLimit)
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(strings.TrimSpace(word), "=")
		if !b.set(key, value) {
			return nil, fmt.Sprintf("%s is not size=, type=, iops=, throughput= or filesystem= with what EBS has", shortened(word))
		}
	}
	kind := blockVolumeKinds[b.kind]
	switch {
	case b.sizeGiB < kind.sizeGiB[0] || b.sizeGiB > kind.sizeGiB[1]:
		return nil, fmt.Sprintf("a size of %d to %d GiB must be given for type %s, by size= or as the volume's sizeLimit", kind.sizeGiB[0], kind.sizeGiB[1], b.kind)
	case b.iops == 0 && kind.needsIOPS, b.iops != 0 && (b.iops < kind.iops[0] || b.iops > kind.iops[1]):
		return nil, fmt.Sprintf("volumes of type %s take iops= %s", b.kind, from(kind.iops))
	case b.throughput != 0 && (b.throughput < kind.throughput[0] || b.throughput > kind.throughput[1]):
		return nil, fmt.Sprintf("volumes of type %s take throughput= %s", b.kind, from(kind.throughput))
	}
	if fault := kind.tooMuch(b); fault != "" {
		return nil, fault
	}
	return b, ""
}

// iopsPerMiB are those that a MiB a second takes at least; EBS user guide, as above: 0.25 MiB a second for each.
const iopsPerMiB = 4

// tooMuch says what a volume of its size, or of its iops, cannot do, which AWS would say only when the task starts.
func (k blockVolumeKind) tooMuch(b *blockVolume) string {
	iops := max(b.iops, k.iops[0])
	most := max(int64(b.sizeGiB)*int64(k.iopsPerGiB), int64(k.iops[0]))
	switch {
	case int64(iops) > most:
		return fmt.Sprintf("a volume of %d GiB and type %s takes iops= up to %d", b.sizeGiB, b.kind, most)
	case b.throughput*iopsPerMiB > iops:
		return fmt.Sprintf("with %d iops a volume takes throughput= up to %d", iops, iops/iopsPerMiB)
	}
	return ""
}

func from(limits [2]int32) string {
	if limits == [2]int32{} {
		return "not at all"
	}
	return fmt.Sprintf("of %d to %d", limits[0], limits[1])
}

// set takes one of the annotation's words; false: there is no such.
func (b *blockVolume) set(key, value string) bool {
	switch key {
	case "size":
		q, err := resource.ParseQuantity(value)
		b.sizeGiB = gibibytesOf(q)
		return err == nil
	case "type":
		b.kind = value
		_, known := blockVolumeKinds[value]
		return known
	case "iops", "throughput":
		n, err := strconv.ParseInt(value, 10, 32)
		if key == "iops" {
			b.iops = int32(n)
		} else {
			b.throughput = int32(n)
		}
		return err == nil && n > 0
	case "filesystem":
		b.filesystem = ecstypes.TaskFilesystemType(value)
		return slices.Contains([]ecstypes.TaskFilesystemType{"xfs", "ext3", "ext4"}, b.filesystem)
	}
	return false
}

func gibibytesOf(q resource.Quantity) int32 {
	return int32((capped(q, mostBytes).Value() + 1<<30 - 1) >> 30)
}

// isOnEBS tells whether the annotation is about this volume.
func isOnEBS(pod *corev1.Pod, v *corev1.Volume) bool {
	b, _ := blockVolumeOf(pod)
	return b != nil && b.name == v.Name
}

// volumeConfigurations are RunTask's part of the EBS volume: how large it is, and by which role ECS makes it.
func volumeConfigurations(in Input) []ecstypes.TaskVolumeConfiguration {
	b, _ := blockVolumeOf(in.Pod)
	if b == nil {
		return nil
	}
	return []ecstypes.TaskVolumeConfiguration{{Name: aws.String(b.name), ManagedEBSVolume: &ecstypes.TaskManagedEBSVolumeConfiguration{
		RoleArn: optional(in.Settings.InfrastructureRoleARN), SizeInGiB: aws.Int32(b.sizeGiB), VolumeType: aws.String(b.kind),
		Iops: positive(int64(b.iops)), Throughput: positive(int64(b.throughput)), FilesystemType: b.filesystem, Encrypted: aws.Bool(true),
		TagSpecifications: []ecstypes.EBSTagSpecification{{ResourceType: ecstypes.EBSResourceTypeVolume, Tags: taskTags(in.Pod, in.Settings.Tags)}},
	}}}
}

// checkEBS says what is wrong about the annotation, or why it cannot be had.
func checkEBS(in Input, _ asks) string {
	b, fault := blockVolumeOf(in.Pod)
	if fault != "" || b == nil {
		return fault
	}
	mounted, part := mountsOf(in.Pod, b.name)
	switch {
	case in.Settings.InfrastructureRoleARN == "":
		return "ECS makes EBS volumes by an infrastructure role, and fargate.toml names none: InfrastructureRoleArn"
	case mounted == 0 || part:
		return "the volume must be mounted, and as a whole, for a task has one EBS volume"
	}
	return ""
}
