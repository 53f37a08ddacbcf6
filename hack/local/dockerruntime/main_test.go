package dockerruntime_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/address"
	"github.com/virtual-kubelet/aws-fargate/hack/local/claim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/dockerruntime"
	"github.com/virtual-kubelet/aws-fargate/hack/local/image"
)

const (
	taskID = "0123456789abcdef0123456789abcdef"
	shell  = "busybox:1.36"
)

// Everything here runs on one engine and one network, or is skipped where there is no engine.
var (
	engine *dockerruntime.Runtime
	site   address.Site
	absent error
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx := context.Background()
	docker, err := dockerruntime.Find(ctx)
	if err != nil {
		absent = err
		return m.Run(), nil
	}
	defer docker.Close()
	directory, err := os.MkdirTemp("", "dockerruntime")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(directory)
	program := filepath.Join(directory, "standin")
	build := exec.Command("go", "build", "-o", program, "../standin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%w: %s", err, text)
	}
	busybox, ok := image.Busybox()
	if !ok {
		absent = fmt.Errorf("this machine has no static busybox to make an image of")
		return m.Run(), nil
	}
	mine, err := claim.Take()
	if err != nil {
		return 1, err
	}
	defer mine.Release()
	network := fmt.Sprintf("fargate-local-test-%d", mine.Number) // no stack's name
	if _, err := image.Ensure(ctx, docker, image.Recipes(program, busybox)); err != nil {
		return 1, err
	}
	if err := dockerruntime.Clear(ctx, docker, network); err != nil {
		return 1, err
	}
	if site, err = address.ForContainers(); err != nil {
		return 1, err
	}
	if engine, err = dockerruntime.New(ctx, docker, network, image.Pause, site.Tasks, site.Node); err != nil {
		return 1, err
	}
	code := m.Run()
	if err := engine.Close(ctx); err != nil {
		return code, err
	}
	if used, err := dockerruntime.InUse(ctx, docker); err != nil || used {
		return code, err
	}
	return code, image.Remove(ctx, docker)
}

// task makes the sandbox of a task of 256 CPU units and 64 MiB at the address of the given last byte.
func task(t *testing.T, lastByte byte) fargatesim.Sandbox {
	t.Helper()
	if absent != nil {
		t.Skipf("SKIPPED, nothing was tested: %v", absent)
	}
	bytes := site.Tasks.Addr().As4()
	bytes[3] = lastByte
	sandbox, err := engine.Sandbox(t.Context(), fargatesim.TaskSpec{
		ARN: "arn:aws:ecs:us-east-1:123456789012:task/default/" + taskID, ID: fmt.Sprintf("%s%02x", taskID[2:], lastByte),
		Address: netip.AddrFrom4(bytes), CPUUnits: 256, MemoryMiB: 64,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return sandbox
}

// output is where a container writes to.
type output struct {
	mu             sync.Mutex // guards both
	stdout, stderr bytes.Buffer
}

func (o *output) writer(to *bytes.Buffer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		return to.Write(p)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func start(t *testing.T, sandbox fargatesim.Sandbox, spec fargatesim.ContainerSpec) (fargatesim.Container, *output) {
	t.Helper()
	written := &output{}
	spec.Stdout, spec.Stderr = written.writer(&written.stdout), written.writer(&written.stderr)
	container, err := sandbox.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return container, written
}
