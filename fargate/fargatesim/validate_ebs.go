package fargatesim

import (
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// limits of a type of EBS volumes. A range of 0 to 0: the type does not have it.
type limits struct{ size, iops, throughput [2]int32 } // GiB, I/O operations a second, MiB a second

// volumeTypes are those on Fargate: "The magnetic volume type is not supported" (SDK doc: TaskManagedEBSVolumeConfiguration,
// from which all numbers are but the least throughput: EC2 API reference, CreateVolume, which also refuses iops for gp2).
var volumeTypes = map[string]limits{
	"gp2": {size: [2]int32{1, 16384}},
	"gp3": {size: [2]int32{1, 16384}, iops: [2]int32{3000, 16000}, throughput: [2]int32{125, 1000}},
	"io1": {size: [2]int32{4, 16384}, iops: [2]int32{100, 64000}},
	"io2": {size: [2]int32{4, 16384}, iops: [2]int32{100, 256000}},
	"st1": {size: [2]int32{125, 16384}},
	"sc1": {size: [2]int32{125, 16384}},
}

var (
	snapshotID = regexp.MustCompile(`^snap-[0-9a-f]{8,17}$`)
	roleARN    = regexp.MustCompile(`^arn:aws[\w-]*:iam::\d{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
)

// launchVolume is the volume of a definition that RunTask has to configure; nil: there is none.
func launchVolume(d *definition) *ecstypes.Volume {
	i := slices.IndexFunc(d.Volumes, func(v ecstypes.Volume) bool { return deref(v.ConfiguredAtLaunch) })
	if i < 0 {
		return nil
	}
	return &d.Volumes[i]
}

// checkVolumeConfigurations: the volume that is configured at launch has one configuration, and no other has.
func checkVolumeConfigurations(in *ecs.RunTaskInput, d *definition) error {
	volume := launchVolume(d)
	switch n := len(in.VolumeConfigurations); {
	case volume == nil && n == 0:
		return nil
	case volume == nil:
		return invalidParameter("The task definition has no volume that is configured at launch.")
	case n != 1:
		return invalidParameter("The task definition has one volume that is configured at launch, '%s', and %d volume configurations are given.", *volume.Name, n)
	case *in.VolumeConfigurations[0].Name != *volume.Name:
		return invalidParameter("The volume configuration is for '%s', and the volume that is configured at launch is '%s'.", *in.VolumeConfigurations[0].Name, *volume.Name)
	case in.VolumeConfigurations[0].ManagedEBSVolume == nil:
		return invalidParameter("The configuration of the volume '%s' needs managedEBSVolume.", *volume.Name)
	}
	return checkEBS(*in.VolumeConfigurations[0].ManagedEBSVolume)
}

func checkEBS(v ecstypes.TaskManagedEBSVolumeConfiguration) error {
	kind, typed := volumeTypes[deref(v.VolumeType)]
	switch {
	case !roleARN.MatchString(*v.RoleArn):
		return invalidParameter("roleArn is not the ARN of a role: '%s'.", *v.RoleArn)
	case v.VolumeType != nil && !typed:
		return invalidParameter("The volume type '%s' is not supported on Fargate.", *v.VolumeType)
	case v.SizeInGiB == nil && v.SnapshotId == nil:
		return invalidParameter("You must specify either a volume size or a snapshot ID.")
	case v.SnapshotId != nil && !snapshotID.MatchString(*v.SnapshotId):
		return invalidParameter("Invalid snapshot ID: '%s'.", *v.SnapshotId)
	case v.VolumeInitializationRate != nil && v.SnapshotId == nil:
		return invalidParameter("volumeInitializationRate can be specified only with a snapshot ID.")
	case v.FilesystemType == ecstypes.TaskFilesystemTypeNtfs:
		return invalidParameter("The filesystem type ntfs is for Windows.")
	case !typed && (v.Iops != nil || v.Throughput != nil):
		// The volume's type is then EC2's or ECS's choice, and neither page says whether it has them.
		return invalidParameter("iops and throughput need a volumeType.")
	case v.Iops == nil && (deref(v.VolumeType) == "io1" || deref(v.VolumeType) == "io2"):
		return invalidParameter("iops is required for the volume type '%s'.", *v.VolumeType)
	}
	if !typed {
		kind.size = [2]int32{1, 16384}
	}
	for _, err := range []error{
		checkRange(v, "sizeInGiB", v.SizeInGiB, kind.size),
		checkRange(v, "iops", v.Iops, kind.iops),
		checkRange(v, "throughput", v.Throughput, kind.throughput),
		checkVolumeTags(v.TagSpecifications),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkRange(v ecstypes.TaskManagedEBSVolumeConfiguration, name string, value *int32, limits [2]int32) error {
	switch {
	case value == nil || limits[0] <= *value && *value <= limits[1] && limits[1] > 0:
		return nil
	case limits[1] == 0:
		return invalidParameter("%s is not supported for the volume type '%s'.", name, deref(v.VolumeType))
	}
	return invalidParameter("%s must be between %d and %d for the volume type '%s'.", name, limits[0], limits[1], deref(v.VolumeType))
}

// reservedVolumeTags are ECS's own (SDK doc: EBSTagSpecification).
var reservedVolumeTags = []string{"AmazonECSCreated", "AmazonECSManaged"}

// checkVolumeTags: "Tags can only propagate to a SERVICE specified in ServiceVolumeConfiguration" (SDK doc:
// EBSTagSpecification), so not to the volume of a task that RunTask starts.
func checkVolumeTags(specifications []ecstypes.EBSTagSpecification) error {
	for _, s := range specifications {
		if s.PropagateTags != "" && s.PropagateTags != ecstypes.PropagateTagsNone {
			return invalidParameter("propagateTags %s is not supported for the volume of a standalone task.", s.PropagateTags)
		}
		for _, tag := range s.Tags {
			if slices.Contains(reservedVolumeTags, deref(tag.Key)) {
				return invalidParameter("The tag %s is reserved.", *tag.Key)
			}
		}
		if err := checkECSTags(s.Tags); err != nil {
			return err
		}
	}
	return nil
}
