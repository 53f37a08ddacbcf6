package dockerruntime

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// sandbox is the pause container of a task and all that runs beside it.
type sandbox struct {
	runtime *Runtime
	task    fargatesim.TaskSpec
	pause   string         // container id
	copies  sync.WaitGroup // goroutines that follow containers; they end with them

	mu         sync.Mutex // guards the two that follow
	containers []string   // ids
	volumes    []string   // names
}

// Sandbox starts the pause container of the task.
func (r *Runtime) Sandbox(ctx context.Context, task fargatesim.TaskSpec) (fargatesim.Sandbox, error) {
	s := &sandbox{runtime: r, task: task}
	created, err := r.docker.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:   r.name + "-" + task.ID + "-pause",
		Config: &container.Config{Image: r.pause, Hostname: hostname(task), Labels: s.labels("")},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(r.name),
			IpcMode:     container.IPCModePrivate,
		},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			r.name: {IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: task.Address}},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("network of the task: %w", err)
	}
	s.pause = created.ID
	if _, err := r.docker.ContainerStart(ctx, s.pause, client.ContainerStartOptions{}); err != nil {
		clean := removeContainer(context.WithoutCancel(ctx), r.docker, s.pause)
		return nil, errors.Join(fmt.Errorf("network of the task: %w", err), clean)
	}
	return s, nil
}

// hostname is the private DNS name that a VPC gives to an address.
func hostname(task fargatesim.TaskSpec) string {
	return "ip-" + strings.ReplaceAll(task.Address.String(), ".", "-")
}

// labels are ours, and those that ECS puts on containers (ECS developer guide: container labels).
func (s *sandbox) labels(containerName string) map[string]string {
	labels := map[string]string{
		label:                        s.runtime.name,
		"com.amazonaws.ecs.task-arn": s.task.ARN,
		"com.amazonaws.ecs.task-definition-family":  s.task.Family,
		"com.amazonaws.ecs.task-definition-version": strconv.Itoa(s.task.Revision),
	}
	if containerName != "" {
		labels["com.amazonaws.ecs.container-name"] = containerName
	}
	return labels
}

// Pull uses the image that is there; only one that is not is pulled.
func (s *sandbox) Pull(ctx context.Context, image string) (string, error) {
	digest, err := s.digest(ctx, image)
	if !errdefs.IsNotFound(err) {
		return digest, err
	}
	answer, err := s.runtime.docker.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return "", err
	}
	if err := answer.Wait(ctx); err != nil {
		return "", err
	}
	return s.digest(ctx, image)
}

// digest is the registry's where the image came from one, else the image's own id.
func (s *sandbox) digest(ctx context.Context, image string) (string, error) {
	found, err := s.runtime.docker.ImageInspect(ctx, image)
	if err != nil {
		return "", err
	}
	for _, name := range found.RepoDigests {
		if _, digest, ok := strings.Cut(name, "@"); ok {
			return digest, nil
		}
	}
	return found.ID, nil
}

// Remove ends all containers of the task at once and removes them and its volumes.
func (s *sandbox) Remove(ctx context.Context) error {
	s.mu.Lock()
	containers, volumes := append([]string{s.pause}, s.containers...), append([]string(nil), s.volumes...)
	s.mu.Unlock()
	var all error
	for i := len(containers) - 1; i >= 0; i-- { // the pause container last: the others use its network
		all = errors.Join(all, removeContainer(ctx, s.runtime.docker, containers[i]))
	}
	for _, name := range volumes {
		all = errors.Join(all, removeVolume(ctx, s.runtime.docker, name))
	}
	if all == nil {
		s.copies.Wait()
	}
	return all
}

func removeContainer(ctx context.Context, docker *client.Client, id string) error {
	_, err := docker.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	return nil
}

func removeVolume(ctx context.Context, docker *client.Client, name string) error {
	if _, err := docker.VolumeRemove(ctx, name, client.VolumeRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	return nil
}
