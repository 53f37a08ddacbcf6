package fargatesim

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"sync"
	"time"
)

// Scripted is a Runtime whose containers are scripts: thousands of them cost little more than a timer each.
// Its zero value runs every container until it is stopped. It may not be changed once tasks run.
type Scripted struct {
	// Choose picks the script of a container; nil, or ok false: Images decides. It is asked for each pull too, with
	// nothing but the image in the ContainerSpec.
	Choose func(TaskSpec, ContainerSpec) (script Script, ok bool)
	// Images are scripts by image as the definition names it ("nginx:1.9.1"), or by its name alone ("nginx").
	Images map[string]Script
}

// Script is what a container does. Its zero value runs until it is stopped and then exits with 143, as a process
// without a handler for SIGTERM does; an image whose name begins with nginx exits with 0.
type Script struct {
	After      time.Duration // it ends by itself so long after its start...
	Ends       bool          // ...if Ends is set
	Code       int           // its exit code when it ends by itself
	OOM        bool          // it ends by itself because its memory is used up: 137
	StopCode   *int          // its exit code when it is stopped; nil: 143
	StopAfter  time.Duration // how long it takes to end when stopped; 137 if that is longer than the stop timeout
	IgnoreStop bool          // it has to be killed: 137
	Log        []string      // lines that it writes to stdout when it starts
	PullError  string        // its image cannot be pulled
	StartError string        // it cannot be started
	// Exec answers the commands that are run in it; nil: each ends with 0. n counts them from 1.
	Exec func(n int, command []string) (exitCode int, err error)
	// Run replaces all of the above after the start: it returns when the container ends, and has to when stop ends.
	Run func(stop context.Context, c ContainerSpec) Exit
}

// Exits is a script that ends with code after a time.
func Exits(code int, after time.Duration) Script {
	return Script{Ends: true, After: after, Code: code}
}

// Sandbox makes a sandbox. There is no network in it: the address answers nothing.
func (s *Scripted) Sandbox(ctx context.Context, task TaskSpec) (Sandbox, error) {
	return &scriptedSandbox{runtime: s, task: task}, ctx.Err()
}

type scriptedSandbox struct {
	runtime *Scripted
	task    TaskSpec

	mu         sync.Mutex // guards containers
	containers []*scriptedContainer
}

func (b *scriptedSandbox) script(c ContainerSpec) Script {
	if b.runtime.Choose != nil {
		if script, ok := b.runtime.Choose(b.task, c); ok {
			return script
		}
	}
	name, _, _ := strings.Cut(path.Base(c.Image), ":")
	for _, key := range []string{c.Image, name} {
		if script, ok := b.runtime.Images[key]; ok {
			return script
		}
	}
	if strings.HasPrefix(name, "nginx") {
		return Script{StopCode: new(int)} // its image stops with SIGQUIT, which it handles
	}
	return Script{}
}

func (b *scriptedSandbox) Pull(ctx context.Context, image string) (string, error) {
	if script := b.script(ContainerSpec{Image: image}); script.PullError != "" {
		return "", errors.New(script.PullError)
	}
	return digestOf(image), ctx.Err()
}

func (b *scriptedSandbox) Start(ctx context.Context, c ContainerSpec) (Container, error) {
	script := b.script(c)
	if script.StartError != "" {
		return nil, errors.New(script.StartError)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	container := &scriptedContainer{
		id: c.RuntimeID, script: script, stop: stop,
		killed: make(chan struct{}), ended: make(chan struct{}),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.containers = append(b.containers, container)
	go container.run(life, c)
	return container, nil
}

// Remove kills what still runs and waits for it.
func (b *scriptedSandbox) Remove(ctx context.Context) error {
	b.mu.Lock()
	containers := b.containers
	b.mu.Unlock()
	for _, c := range containers {
		if err := c.Stop(ctx, 0); err != nil {
			return err
		}
	}
	return nil
}

type scriptedContainer struct {
	id     string
	script Script
	stop   context.CancelFunc // the stop signal
	kill   sync.Once          // closes killed
	killed chan struct{}

	ended chan struct{}
	exit  Exit // set before ended is closed

	mu    sync.Mutex // guards execs
	execs int
}

func (c *scriptedContainer) run(life context.Context, spec ContainerSpec) {
	defer close(c.ended)
	for _, line := range c.script.Log {
		_, _ = io.WriteString(spec.Stdout, line+"\n")
	}
	if c.script.Run != nil {
		c.exit = c.script.Run(life, spec)
		return
	}
	if c.script.Ends && wait(life, c.script.After) {
		c.exit = Exit{Code: c.script.Code}
		if c.script.OOM {
			c.exit = Exit{Code: 137, OOMKilled: true}
		}
		return
	}
	<-life.Done()
	c.exit = Exit{Code: c.stopped()}
}

// stopped lets the container take its time to stop, and returns its exit code.
func (c *scriptedContainer) stopped() int {
	const terminated, killed = 128 + 15, 128 + 9
	select {
	case <-c.killed:
		return killed
	default:
	}
	var done <-chan time.Time // of a container that ignores the signal: never
	if !c.script.IgnoreStop {
		done = time.After(c.script.StopAfter)
	}
	select {
	case <-c.killed:
		return killed
	case <-done:
	}
	return deref(or(c.script.StopCode, ptr(terminated)))
}

func (c *scriptedContainer) RuntimeID() string { return c.id }

func (c *scriptedContainer) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	case <-c.ended:
		return c.exit, nil
	}
}

func (c *scriptedContainer) Stop(ctx context.Context, timeout time.Duration) error {
	if timeout > 0 {
		c.stop()
		limited, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if _, err := c.Wait(limited); err == nil {
			return nil
		}
	}
	c.kill.Do(func() { close(c.killed) })
	c.stop()
	_, err := c.Wait(ctx)
	return err
}

func (c *scriptedContainer) Exec(ctx context.Context, command []string) (int, error) {
	c.mu.Lock()
	c.execs++
	n := c.execs
	c.mu.Unlock()
	select {
	case <-c.ended:
		return 0, errors.New("the container does not run")
	default:
	}
	if c.script.Exec == nil {
		return 0, ctx.Err()
	}
	return c.script.Exec(n, command)
}
