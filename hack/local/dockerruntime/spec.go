package dockerruntime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

const mib = 1 << 20

// minShares is the least weight that Linux knows.
const minShares = 2

// options says to the engine what ECS says to its own.
func (s *sandbox) options(ctx context.Context, spec fargatesim.ContainerSpec) (client.ContainerCreateOptions, error) {
	mounts, err := s.mounts(ctx, spec)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	labels := s.labels(spec.Name)
	maps.Copy(labels, spec.Labels)
	return client.ContainerCreateOptions{
		Name: fmt.Sprintf("%s-%s-%s-%d", s.runtime.name, s.task.ID, spec.Name, spec.Restart),
		Config: &container.Config{
			Image:        spec.Image,
			Entrypoint:   spec.EntryPoint, // given one, the engine drops the image's command as ECS does
			Cmd:          spec.Command,
			Env:          environment(spec.Environment),
			WorkingDir:   spec.WorkingDirectory,
			User:         spec.User,
			Tty:          spec.TTY,
			OpenStdin:    spec.Stdin,
			AttachStdout: true,
			AttachStderr: true,
			Labels:       labels,
			Healthcheck:  &container.HealthConfig{Test: []string{"NONE"}}, // ECS ignores the image's
		},
		HostConfig: &container.HostConfig{
			NetworkMode:    container.NetworkMode("container:" + s.pause),
			PidMode:        s.pidMode(),
			IpcMode:        container.IPCModePrivate,
			GroupAdd:       groups(spec),
			CapAdd:         spec.CapabilitiesAdd,
			CapDrop:        spec.CapabilitiesDrop,
			ReadonlyRootfs: spec.ReadOnlyRoot,
			Tmpfs:          tmpfs(spec.Tmpfs),
			Sysctls:        spec.Sysctls,
			Init:           &spec.Init,
			Mounts:         mounts,
			Resources:      s.resources(spec),
		},
	}, nil
}

// resources: a container that names no limit has the task's, and none has more CPU than the
// task. Swap would hide a memory limit, and Fargate has none.
func (s *sandbox) resources(spec fargatesim.ContainerSpec) container.Resources {
	memory := int64(spec.MemoryMiB) * mib
	if memory == 0 {
		memory = int64(s.task.MemoryMiB) * mib
	}
	resources := container.Resources{
		CPUShares:         int64(max(spec.CPUUnits, minShares)),
		Memory:            memory,
		MemorySwap:        memory,
		MemoryReservation: int64(spec.MemoryReservation) * mib,
		Ulimits:           ulimits(spec.Ulimits),
	}
	if s.task.CPUUnits > 0 { // 1024 units are 1e9 nano-CPUs; the engine refuses more than its machine has
		resources.NanoCPUs = min(int64(s.task.CPUUnits)*1e9/1024, int64(s.runtime.cpus)*1e9)
	}
	return resources
}

// isRoot tells whether a definition's user is root, or none: then it is the image's, for whom ECS does nothing.
func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "0" || name == "root"
}

func (s *sandbox) pidMode() container.PidMode {
	if s.task.SharePIDs {
		return container.PidMode("container:" + s.pause)
	}
	return ""
}

func environment(variables map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}

func ulimits(limits []fargatesim.Ulimit) []*container.Ulimit {
	var list []*container.Ulimit
	for _, l := range limits {
		list = append(list, &container.Ulimit{Name: l.Name, Soft: int64(l.Soft), Hard: int64(l.Hard)})
	}
	return list
}

func tmpfs(systems []fargatesim.Tmpfs) map[string]string {
	list := map[string]string{}
	for _, t := range systems {
		list[t.Path] = strings.Join(append([]string{fmt.Sprintf("size=%dm", t.SizeMiB)}, t.Options...), ",")
	}
	return list
}
