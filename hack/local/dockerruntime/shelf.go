package dockerruntime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

var _ fargatesim.Shelf = (*Runtime)(nil)

// A file system of EFS is a volume of the stack's, of which tasks get directories. Its files are the engine's: what an
// access point says of its user comes as groups of the container's, for the engine cannot let another user write in
// the name of the process.

// lookLimit is how long the engine may take to look into a volume.
const lookLimit = 30 * time.Second

func (r *Runtime) fileSystem(id string) string { return r.name + "-" + id }

// Directory is what fargatesim.Shelf says. The file system goes with the stack.
func (r *Runtime) Directory(ctx context.Context, fs fargatesim.FileSystem, directory string, create *fargatesim.Owner) (bool, error) {
	if err := r.makeFileSystem(ctx, fs); err != nil {
		return false, err
	}
	if create == nil {
		return r.look(ctx, fs.ID, directory)
	}
	return r.look(ctx, fs.ID, "-make", "-owner", fmt.Sprintf("%d:%d", create.UID, create.GID), "-mode", fmt.Sprintf("%o", create.Mode), directory)
}

func (r *Runtime) makeFileSystem(ctx context.Context, fs fargatesim.FileSystem) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, made := r.fileSystems[fs.ID]; made {
		return nil
	}
	made, err := r.docker.VolumeCreate(ctx, client.VolumeCreateOptions{Name: r.fileSystem(fs.ID), Labels: map[string]string{label: r.name}})
	if err != nil {
		return fmt.Errorf("make file system %s: %w", fs.ID, err)
	}
	if len(fs.Directories) > 0 {
		if _, err := r.look(ctx, fs.ID, append([]string{"-make"}, fs.Directories...)...); err != nil {
			return err
		}
	}
	r.fileSystems[fs.ID] = made.Volume.Mountpoint
	return nil
}

// look runs the stand-in's "directory" on a file system.
func (r *Runtime) look(ctx context.Context, id string, args ...string) (bool, error) {
	return r.directory(ctx, r.fileSystem(id), args...)
}

// directory runs the stand-in's "directory" on a volume, with its root in front of the last arguments, the paths.
func (r *Runtime) directory(ctx context.Context, volume string, args ...string) (found bool, err error) {
	i := 0
	for i < len(args) && !strings.HasPrefix(args[i], "/") {
		i++
	}
	command := append(append([]string{"directory"}, args[:i]...), "/volume")
	created, err := r.docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: r.pause, Cmd: append(command, args[i:]...), Labels: map[string]string{label: r.name}},
		HostConfig: &container.HostConfig{NetworkMode: "none",
			Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: volume, Target: "/volume", VolumeOptions: &mount.VolumeOptions{NoCopy: true}}}},
	})
	if err != nil {
		return false, fmt.Errorf("look into volume %s: %w", volume, err)
	}
	defer func() { err = errors.Join(err, removeContainer(context.WithoutCancel(ctx), r.docker, created.ID)) }()
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	ended := r.docker.ContainerWait(ctx, created.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := r.docker.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return false, fmt.Errorf("look into volume %s: %w", volume, err)
	}
	select {
	case err := <-ended.Error:
		return false, fmt.Errorf("look into volume %s: %w", volume, err)
	case exit := <-ended.Result:
		if exit.StatusCode > 1 {
			return false, fmt.Errorf("look into volume %s: %s ended with %d", volume, strings.Join(args, " "), exit.StatusCode)
		}
		return exit.StatusCode == 0, nil
	}
}

// shelved is the mount of a directory of a file system: the engine binds it where the volume lies on its machine.
func (r *Runtime) shelved(m fargatesim.Mount) mount.Mount {
	r.mu.Lock()
	defer r.mu.Unlock()
	return mount.Mount{Type: mount.TypeBind, Source: r.fileSystems[m.EFS.FileSystem] + m.EFS.Directory, Target: m.Path, ReadOnly: m.ReadOnly}
}

// groups are those of the users of access points that a container mounts through, and that of an EBS volume.
func groups(spec fargatesim.ContainerSpec) (list []string) {
	for _, m := range spec.Mounts {
		if m.EBS != nil && !isRoot(spec.User) {
			list = append(list, "0")
		}
		if m.EFS == nil || m.EFS.User == nil {
			continue
		}
		for _, gid := range append([]int{m.EFS.User.GID}, m.EFS.User.SecondaryGIDs...) {
			list = append(list, fmt.Sprint(gid))
		}
	}
	return list
}
