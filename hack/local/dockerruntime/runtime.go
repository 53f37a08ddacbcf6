// Package dockerruntime runs the containers of the local Fargate's tasks with a Docker engine.
//
// A task is a pause container that has the task's address on a bridge network of the stack,
// and containers that share that network; so the tasks reach each other, this machine and
// what it reaches, and this machine reaches them, as in a VPC. Logs, exit codes, memory
// limits and signals are the engine's.
//
// All that is made carries the stack's name as a label and goes with Close. What a stack of
// the same name left behind when it was killed goes with the next New.
package dockerruntime

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// label marks what belongs to a stack; its value is the stack's name.
const label = "fargate-local.stack"

// pingTimeout is how long an engine may take to answer before it counts as not running.
const pingTimeout = 5 * time.Second

// Runtime is a fargatesim.Runtime. Close it after the Server that uses it has ended.
type Runtime struct {
	docker *client.Client
	name   string // of the stack, and of its network
	pause  string // image of the pause containers
	cpus   int    // of the engine's machine

	mu          sync.Mutex        // guards fileSystems
	fileSystems map[string]string // by ID: where the volume is on the engine's machine
}

var _ fargatesim.Runtime = (*Runtime)(nil)

// Find returns a client of the engine that DOCKER_HOST or the usual socket leads to.
// The error says why there is none.
func Find(ctx context.Context) (*client.Client, error) {
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("docker engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if _, err := docker.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, errors.Join(fmt.Errorf("docker engine: %w", err), docker.Close())
	}
	return docker, nil
}

// Clear removes what a stack of that name left behind.
func Clear(ctx context.Context, docker *client.Client, name string) error {
	mine := make(client.Filters).Add("label", label+"="+name)
	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: mine})
	if err != nil {
		return fmt.Errorf("list the containers of %s: %w", name, err)
	}
	for _, c := range containers.Items {
		if err := removeContainer(ctx, docker, c.ID); err != nil {
			return err
		}
	}
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: mine})
	if err != nil {
		return fmt.Errorf("list the volumes of %s: %w", name, err)
	}
	for _, v := range volumes.Items {
		if err := removeVolume(ctx, docker, v.Name); err != nil {
			return err
		}
	}
	return clearNetworks(ctx, docker, name, mine)
}

func clearNetworks(ctx context.Context, docker *client.Client, name string, mine client.Filters) error {
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: mine})
	if err != nil {
		return fmt.Errorf("list the networks of %s: %w", name, err)
	}
	for _, n := range networks.Items {
		if _, err := docker.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil {
			return fmt.Errorf("remove network %s: %w", n.Name, err)
		}
	}
	return nil
}

// InUse reports whether any stack has its network in the engine.
func InUse(ctx context.Context, docker *client.Client) (bool, error) {
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", label)})
	if err != nil {
		return false, fmt.Errorf("list the networks of local stacks: %w", err)
	}
	return len(networks.Items) > 0, nil
}

// New makes the bridge network of the stack, whose gateway is the node's address. Clear the
// name before, and make the pause image before the first task.
func New(ctx context.Context, docker *client.Client, name, pause string, tasks netip.Prefix, node netip.Addr) (*Runtime, error) {
	info, err := docker.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("docker engine: %w", err)
	}
	_, err = docker.NetworkCreate(ctx, name, client.NetworkCreateOptions{
		Driver: "bridge",
		IPAM:   &network.IPAM{Config: []network.IPAMConfig{{Subnet: tasks, Gateway: node}}},
		Labels: map[string]string{label: name},
	})
	if err != nil {
		return nil, fmt.Errorf("make network %s with addresses of %s: %w", name, tasks, err)
	}
	return &Runtime{docker: docker, name: name, pause: pause, cpus: info.Info.NCPU, fileSystems: map[string]string{}}, nil
}

// Close removes everything that the stack has in the engine.
func (r *Runtime) Close(ctx context.Context) error { return Clear(ctx, r.docker, r.name) }
