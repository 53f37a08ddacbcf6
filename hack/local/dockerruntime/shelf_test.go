package dockerruntime_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// mounting lets the container mount a file system at /efs.
func mounting(id, root string, readOnly bool, change func(*ecstypes.EFSVolumeConfiguration)) func(*ecs.RegisterTaskDefinitionInput) {
	return func(in *ecs.RegisterTaskDefinitionInput) {
		volume := &ecstypes.EFSVolumeConfiguration{FileSystemId: &id, RootDirectory: &root}
		if change != nil {
			change(volume)
		}
		in.Volumes = []ecstypes.Volume{{Name: aws.String("shared"), EfsVolumeConfiguration: volume}}
		in.ContainerDefinitions[0].MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("shared"), ContainerPath: aws.String("/efs"), ReadOnly: &readOnly}}
	}
}

func through(accessPoint string) func(*ecstypes.EFSVolumeConfiguration) {
	return func(e *ecstypes.EFSVolumeConfiguration) {
		e.TransitEncryption, e.AuthorizationConfig = ecstypes.EFSTransitEncryptionEnabled, &ecstypes.EFSAuthorizationConfig{AccessPointId: &accessPoint}
	}
}

func TestTasksShareAFileSystem(t *testing.T) {
	const id, point = "fs-00000000000000001", "fsap-00000000000000001"
	a := open(t, fargatesim.Config{FileSystems: []fargatesim.FileSystem{{
		ID: id, Directories: []string{"/data/web"}, AccessPoints: []fargatesim.AccessPoint{
			{ID: point, Root: "/app", Create: &fargatesim.Owner{UID: 1000, GID: 2000, Mode: 0o770}, User: &fargatesim.PosixUser{UID: 1000, GID: 2000}}}}}})
	steps := []struct {
		because, script string
		define          func(*ecs.RegisterTaskDefinitionInput)
		want            string // of the output, or of the stopped reason of a task that ran nothing
	}{
		{"what one writes...", "echo one > /efs/file; mkdir /efs/made; ln -s /etc /efs/link", mounting(id, "/data", false, nil), ""},
		{"...another reads, and where it mounts read-only it does not write", "cat /efs/data/file; { echo two > /efs/data/file; } 2>/dev/null || echo refused", mounting(id, "", true, nil), "one\nrefused\n"},
		{"a directory is its own root", "ls -A /efs", mounting(id, "/data/web", true, nil), ""},
		{"a directory that a task made can be mounted", "ls -A /efs", mounting(id, "/data/made", true, nil), ""},
		{"one that nobody made cannot", "true", mounting(id, "/none", false, nil),
			"ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: b'mount.nfs4: mounting " + id + ".efs.us-east-1.amazonaws.com:/none failed, reason given by server: No such file or directory' : unsuccessful EFS utils command execution; code: 32"},
		{"a link leads nowhere", "true", mounting(id, "/data/link", false, nil), "ResourceInitializationError"},
		{"an access point makes its directory", "stat -c '%a %u:%g' /efs; touch /efs/x && ls /efs", mounting(id, "/", false, through(point)), "770 1000:2000\nx\n"},
		{"another user has the access point's group", "id -G; touch /efs/y && ls /efs",
			func(in *ecs.RegisterTaskDefinitionInput) {
				mounting(id, "/", false, through(point))(in)
				in.ContainerDefinitions[0].User = aws.String("65534:65534")
			}, "65534 2000\nx\ny\n"},
		{"which the whole file system has too", "ls /efs/app", mounting(id, "/", true, nil), "x\ny\n"},
	}
	for i, step := range steps {
		task, got := a.script(step.script, func(in *ecs.RegisterTaskDefinitionInput) {
			step.define(in)
			in.Family = aws.String(fmt.Sprintf("step-%d", i))
		}, nil)
		if task.StartedAt == nil {
			got = *task.StoppedReason
		}
		if !strings.HasPrefix(got, step.want) || step.want == "" && got != "" {
			t.Errorf("%s: want %q, got %q", step.because, step.want, got)
		}
	}
}
