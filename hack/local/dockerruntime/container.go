package dockerruntime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// run is one run of a container.
type run struct {
	docker *client.Client
	id     string // the engine's
	name   string // Fargate's
	pause  string // engine's id of the container whose network it shares
	done   chan struct{}
	exit   fargatesim.Exit // readable once done is closed, as is err
	err    error
}

// Start creates the container, takes its output from the first byte on, and starts it.
func (s *sandbox) Start(ctx context.Context, spec fargatesim.ContainerSpec) (fargatesim.Container, error) {
	docker := s.runtime.docker
	options, err := s.options(ctx, spec)
	if err != nil {
		return nil, err
	}
	created, err := docker.ContainerCreate(ctx, options)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.containers = append(s.containers, created.ID)
	s.mu.Unlock()
	// The run outlives the call that starts it; it ends with the container, at Remove at the latest.
	life := context.WithoutCancel(ctx)
	output, err := docker.ContainerAttach(life, created.ID, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, err
	}
	if _, err := docker.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		output.Close()
		return nil, err
	}
	r := &run{docker: docker, id: created.ID, name: cmp.Or(spec.RuntimeID, created.ID), pause: s.pause, done: make(chan struct{})}
	s.copies.Go(func() {
		defer close(r.done)
		defer output.Close()
		copied := follow(spec, output.Reader)
		r.exit, r.err = r.outcome(life)
		r.err = errors.Join(r.err, copied)
	})
	return r, nil
}

// follow hands on what the container writes until it ends.
func follow(spec fargatesim.ContainerSpec, output io.Reader) error {
	var err error
	if spec.TTY {
		_, err = io.Copy(spec.Stdout, output)
	} else {
		_, err = stdcopy.StdCopy(spec.Stdout, spec.Stderr, output)
	}
	if err != nil {
		return fmt.Errorf("output of container %s: %w", spec.Name, err)
	}
	return nil
}

// outcome waits for the end of a container that has closed its output, or is about to end.
func (r *run) outcome(ctx context.Context) (fargatesim.Exit, error) {
	wait := r.docker.ContainerWait(ctx, r.id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case err := <-wait.Error:
		return fargatesim.Exit{}, fmt.Errorf("wait for container %s: %w", r.id, err)
	case <-wait.Result:
	}
	found, err := r.docker.ContainerInspect(ctx, r.id, client.ContainerInspectOptions{})
	if err != nil {
		return fargatesim.Exit{}, fmt.Errorf("exit code of container %s: %w", r.id, err)
	}
	state := found.Container.State
	return fargatesim.Exit{Code: state.ExitCode, OOMKilled: state.OOMKilled}, nil
}

func (r *run) RuntimeID() string { return r.name }

// Wait blocks until the container has ended and all its output is handed on.
func (r *run) Wait(ctx context.Context) (fargatesim.Exit, error) {
	select {
	case <-r.done:
		return r.exit, r.err
	case <-ctx.Done():
		return fargatesim.Exit{}, ctx.Err()
	}
}

// Stop rounds timeout up to the engine's whole seconds.
func (r *run) Stop(ctx context.Context, timeout time.Duration) error {
	seconds := int(math.Ceil(timeout.Seconds()))
	if _, err := r.docker.ContainerStop(ctx, r.id, client.ContainerStopOptions{Timeout: &seconds}); err != nil {
		return err
	}
	_, err := r.Wait(ctx)
	return err
}

// Exec runs a command in the container. One that outlives ctx is left to the container's
// end: the engine has no way to end it.
func (r *run) Exec(ctx context.Context, command []string) (int, error) {
	created, err := r.docker.ExecCreate(ctx, r.id, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, err
	}
	output, err := r.docker.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, err
	}
	defer output.Close()
	stop := context.AfterFunc(ctx, output.Close)
	defer stop()
	if _, err := io.Copy(io.Discard, output.Reader); err != nil || ctx.Err() != nil {
		return 0, errors.Join(ctx.Err(), err)
	}
	found, err := r.docker.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	return found.ExitCode, err
}
