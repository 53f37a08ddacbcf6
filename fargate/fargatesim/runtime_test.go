package fargatesim_test

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// witness is a runtime that keeps what it was told. Its containers answer Wait with an error: they were lost.
type witness struct {
	task      fargatesim.TaskSpec
	container fargatesim.ContainerSpec
	removed   bool
}

func (w *witness) Sandbox(_ context.Context, task fargatesim.TaskSpec) (fargatesim.Sandbox, error) {
	w.task = task
	return w, nil
}

func (w *witness) Pull(context.Context, string) (string, error) { return "sha256:1", nil }
func (w *witness) Remove(context.Context) error                 { w.removed = true; return nil }

func (w *witness) Start(_ context.Context, c fargatesim.ContainerSpec) (fargatesim.Container, error) {
	w.container = c
	return w, nil
}

func (w *witness) RuntimeID() string                           { return "r-1" }
func (w *witness) Stop(context.Context, time.Duration) error   { return nil }
func (w *witness) Exec(context.Context, []string) (int, error) { return 0, nil }
func (w *witness) Wait(context.Context) (fargatesim.Exit, error) {
	return fargatesim.Exit{}, errors.New("no such container")
}

func TestARuntimeIsToldEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &witness{}
		a := open(t, fargatesim.Config{Runtime: w})
		a.register(func(in *ecs.RegisterTaskDefinitionInput) {
			in.PidMode = ecstypes.PidModeTask
			in.Volumes = []ecstypes.Volume{{Name: aws.String("scratch")}}
			c := &in.ContainerDefinitions[0]
			c.EntryPoint, c.Command, c.WorkingDirectory, c.User = []string{"/app"}, []string{"serve"}, aws.String("/srv"), aws.String("1000:1000")
			c.Environment = []ecstypes.KeyValuePair{{Name: aws.String("A"), Value: aws.String("1")}, {Name: aws.String("B"), Value: aws.String("2")}}
			c.Cpu, c.Memory, c.MemoryReservation = 128, aws.Int32(256), aws.Int32(128)
			c.PseudoTerminal, c.Interactive, c.ReadonlyRootFilesystem = aws.Bool(true), aws.Bool(true), aws.Bool(true)
			c.DockerLabels = map[string]string{"l": "1"}
			c.Ulimits = []ecstypes.Ulimit{{Name: "nofile", SoftLimit: 1, HardLimit: 2}}
			c.SystemControls = []ecstypes.SystemControl{{Namespace: aws.String("net.core.somaxconn"), Value: aws.String("512")}}
			c.MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("scratch"), ContainerPath: aws.String("/scratch"), ReadOnly: aws.Bool(true)}}
			c.LinuxParameters = &ecstypes.LinuxParameters{InitProcessEnabled: aws.Bool(true),
				Capabilities: &ecstypes.KernelCapabilities{Add: []string{"SYS_PTRACE"}, Drop: []string{"ALL"}},
				Tmpfs:        []ecstypes.Tmpfs{{ContainerPath: aws.String("/tmp"), Size: 64, MountOptions: []string{"noexec"}}}}
		})
		arn := *a.run(func(in *ecs.RunTaskInput) {
			in.Overrides = &ecstypes.TaskOverride{Cpu: aws.String("512"), Memory: aws.String("1 GB"), ContainerOverrides: []ecstypes.ContainerOverride{{
				Name: aws.String("app"), Command: []string{"help"}, Cpu: aws.Int32(256),
				Environment: []ecstypes.KeyValuePair{{Name: aws.String("B"), Value: aws.String("3")}}}}}
		}).TaskArn
		stopped := a.await(arn, "STOPPED")

		environment := map[string]string{"A": "1", "B": "3"}
		wantTask := fargatesim.TaskSpec{
			ARN: arn, ID: arn[strings.LastIndex(arn, "/")+1:], Family: "web", Revision: 1,
			Address: netip.MustParseAddr("10.0.0.4"), Subnet: netip.MustParsePrefix("10.0.0.0/16"), MAC: "0a:00:00:00:00:01",
			CPUUnits: 512, MemoryMiB: 1024, SharePIDs: true, Environment: map[string]map[string]string{"app": environment},
		}
		if diff := cmp.Diff(wantTask, w.task, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("task (-want +got):\n%s", diff)
		}
		id := w.container.RuntimeID // the metadata tests know what it is like
		want := fargatesim.ContainerSpec{
			Name: "app", RuntimeID: id, Image: "nginx:1.9.1", EntryPoint: []string{"/app"}, Command: []string{"help"},
			Environment:      map[string]string{"A": "1", "B": "3", "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/" + id},
			WorkingDirectory: "/srv", User: "1000:1000", CPUUnits: 256, MemoryMiB: 256, MemoryReservation: 128,
			TTY: true, Stdin: true, ReadOnlyRoot: true, Init: true, CapabilitiesAdd: []string{"SYS_PTRACE"}, CapabilitiesDrop: []string{"ALL"},
			Labels: map[string]string{"l": "1"}, Sysctls: map[string]string{"net.core.somaxconn": "512"},
			Ulimits: []fargatesim.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}},
			Tmpfs:   []fargatesim.Tmpfs{{Path: "/tmp", SizeMiB: 64, Options: []string{"noexec"}}},
			Mounts:  []fargatesim.Mount{{Volume: "scratch", Path: "/scratch", ReadOnly: true}},
			Stdout:  io.Discard, Stderr: io.Discard,
		}
		if diff := cmp.Diff(want, w.container); diff != "" {
			t.Errorf("container (-want +got):\n%s", diff)
		}
		if !w.removed || !strings.HasPrefix(*stopped.Containers[0].Reason, "CannotInspectContainerError: no such container") || *stopped.Containers[0].RuntimeId != "r-1" {
			t.Errorf("a container that is lost ends its task: removed %v, %+v", w.removed, stopped.Containers[0])
		}
	})
}
