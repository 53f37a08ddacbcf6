package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
)

// imageVolumes are the volumes with the files of an image that some container mounts, each once.
func (l layout) imageVolumes() []*corev1.Volume {
	var volumes []*corev1.Volume
	for _, v := range l.views {
		if v.volume.Image != nil && !slices.Contains(volumes, v.volume) {
			volumes = append(volumes, v.volume)
		}
	}
	return volumes
}

// imageContainer runs the image of a volume for as long as it takes to copy its files into the volume. ECS has no
// volume of an image; all that this takes of it are the files, for the tools are those of the helper.
func imageContainer(in Input, l layout, volume *corev1.Volume) ecstypes.ContainerDefinition {
	var into []string
	for _, v := range l.views {
		if v.volume == volume {
			into = append(into, v.name)
		}
	}
	return copier(in, podid.ImageName(volume.Name), volume.Image.Reference, imageScript(l, volume), into, nil)
}

// copier runs an image for as long as a script takes to copy something of it into volumes, for which it may read others:
// all are seen under copiesPath, by their ECS names.
func copier(in Input, name, image, script string, into, from []string) ecstypes.ContainerDefinition {
	d := ecstypes.ContainerDefinition{
		Name: aws.String(name), Image: aws.String(image), Essential: aws.Bool(false), RepositoryCredentials: repositoryCredentials(in, image),
		EntryPoint: []string{toolsShell}, Command: []string{"sh", "-c", script}, User: aws.String("0:0"),
		DependsOn: filled(in), StopTimeout: aws.Int32(minStopTimeout), LogConfiguration: logConfiguration(in),
		MountPoints: []ecstypes.MountPoint{{SourceVolume: aws.String(toolsVolume), ContainerPath: aws.String(toolsPath), ReadOnly: aws.Bool(true)}},
	}
	mount := func(volumes []string, readOnly bool) {
		for _, v := range volumes {
			d.MountPoints = append(d.MountPoints, ecstypes.MountPoint{SourceVolume: aws.String(v), ContainerPath: aws.String(copiesPath + "/" + v), ReadOnly: setOnly(readOnly)})
		}
	}
	mount(into, false)
	mount(from, true)
	return d
}

// imageScript copies what is the image's own, and not what is mounted into every container. What ECS itself writes into
// /etc, as the file hosts, is the task's.
func imageScript(l layout, volume *corev1.Volume) string {
	lines := []string{"set -eu", "vk_b=" + toolsShell}
	for _, v := range l.views {
		to := copiesPath + "/" + v.name
		switch {
		case v.volume != volume:
		case v.subPath == "":
			lines = append(lines, fmt.Sprintf(`for vk_f in /* /.[!.]*; do case $vk_f in /proc|/sys|/dev|/.vk) continue ;; esac; if [ -e "$vk_f" ] || [ -L "$vk_f" ]; then $vk_b cp -a "$vk_f" %s/; fi; done`, to))
		default:
			from := quoted("/" + v.subPath)
			lines = append(lines, fmt.Sprintf(`[ -d %s ] || { echo "vk-image: the image has no directory" %s >&2; exit 1; }; $vk_b cp -a %s/. %s/`, from, from, from, to))
		}
	}
	return strings.Join(lines, "\n")
}

var imageVolumeRules = []rule{
	quiet("spec.volumes[].image", Emulated, "read-only files of the image, copied before all others start by a container of that image, vk-image-NAME; pulled for every task, with imagePullSecrets"),
	loud("spec.volumes[].image", "without a reference, or with one of more than 255 characters", Refused, "ECS takes names of 1 to 255 characters", "name the image in reference", onVolumes(func(v *corev1.Volume) bool {
		return v.Image != nil && (v.Image.Reference == "" || isTooLong(v.Image.Reference))
	})),
	loud("spec.volumes[].image", "pullPolicy Never", Refused, "Fargate pulls for every task and has no images of its own", "use Always or IfNotPresent", onVolumes(func(v *corev1.Volume) bool {
		return v.Image != nil && v.Image.PullPolicy == corev1.PullNever
	})),
	loud("spec.volumes[].image", "of a private Amazon ECR registry, "+noRole, Refused, ecrAlone, setPullRole, onVolume(func(in Input, v *corev1.Volume) bool {
		return in.Settings.ExecutionRoleARN == "" && v.Image != nil && pullsecret.IsPrivateECR(v.Image.Reference)
	})),
}
