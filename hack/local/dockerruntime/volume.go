package dockerruntime

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// mounts makes the task's volumes when they are named first. A volume begins empty, root's and with mode 0755. Only
// where the image declares a VOLUME at the very path of the mount does it get what the image has there, with its owner
// and mode (developer guide: bind mounts, "the Amazon ECS data plane looks for a VOLUME directive"). The engine would
// copy wherever the image has a directory.
func (s *sandbox) mounts(ctx context.Context, spec fargatesim.ContainerSpec) ([]mount.Mount, error) {
	if len(spec.Mounts) == 0 {
		return nil, nil
	}
	image, err := s.runtime.docker.ImageInspect(ctx, spec.Image)
	if err != nil {
		return nil, fmt.Errorf("volumes of image %s: %w", spec.Image, err)
	}
	var list []mount.Mount
	for _, m := range spec.Mounts {
		if m.EFS != nil {
			list = append(list, s.runtime.shelved(m))
			continue
		}
		name := fmt.Sprintf("%s-%s-%s", s.runtime.name, s.task.ID, m.Volume)
		if err := s.volume(ctx, name, m.EBS); err != nil {
			return nil, err
		}
		if m.EBS != nil {
			list = append(list, mount.Mount{
				Type: mount.TypeVolume, Source: name, Target: m.Path, ReadOnly: m.ReadOnly, VolumeOptions: &mount.VolumeOptions{NoCopy: true},
			})
			continue
		}
		_, declared := image.Config.Volumes[m.Path]
		list = append(list, mount.Mount{
			Type: mount.TypeVolume, Source: name, Target: m.Path, ReadOnly: m.ReadOnly, VolumeOptions: &mount.VolumeOptions{NoCopy: !declared},
		})
	}
	return list, nil
}

// blockMode is that of the root of an EBS volume: its group, which is root's, may write.
const blockMode = "775"

// volume is made once, however many containers name it.
func (s *sandbox) volume(ctx context.Context, name string, block *fargatesim.BlockMount) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.volumes, name) {
		return nil
	}
	_, err := s.runtime.docker.VolumeCreate(ctx, client.VolumeCreateOptions{
		Name: name, Labels: map[string]string{label: s.runtime.name},
	})
	if err != nil {
		return fmt.Errorf("make volume %s: %w", name, err)
	}
	s.volumes = append(s.volumes, name)
	if block == nil {
		return nil
	}
	_, err = s.runtime.directory(ctx, name, "-mode", blockMode, "/")
	return err
}
