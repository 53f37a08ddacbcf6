package fargatesim_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

const (
	files  = "fs-0123456789abcdef0"
	made   = "fsap-00000000000000001" // makes /app for user 1000
	there  = "fsap-00000000000000002" // leads to /data
	absent = "fsap-00000000000000003" // leads nowhere
)

func through(accessPoint string) func(*efsInput) {
	return func(e *efsInput) {
		e.TransitEncryption, e.AuthorizationConfig = ecstypes.EFSTransitEncryptionEnabled, &ecstypes.EFSAuthorizationConfig{AccessPointId: &accessPoint}
	}
}

func TestFileSystemsAreMountedOrTheTaskFails(t *testing.T) {
	user := &fargatesim.PosixUser{UID: 1000, GID: 1000, SecondaryGIDs: []int{7}}
	const failed = "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: "
	withIAM := func(e *efsInput) {
		e.TransitEncryption, e.AuthorizationConfig = ecstypes.EFSTransitEncryptionEnabled, &ecstypes.EFSAuthorizationConfig{Iam: ecstypes.EFSAuthorizationConfigIAMEnabled}
	}
	cases := map[string]struct {
		change func(*efsInput)
		role   bool
		want   *fargatesim.EFSMount
		reason string
	}{
		"all of it":                    {change: func(*efsInput) {}, want: &fargatesim.EFSMount{FileSystem: files, Directory: "/"}},
		"the root, said":               {change: func(e *efsInput) { e.RootDirectory = aws.String("/") }, want: &fargatesim.EFSMount{FileSystem: files, Directory: "/"}},
		"a directory":                  {change: func(e *efsInput) { e.RootDirectory = aws.String("/data/web/") }, want: &fargatesim.EFSMount{FileSystem: files, Directory: "/data/web"}},
		"one above a directory":        {change: func(e *efsInput) { e.RootDirectory = aws.String("/data") }, want: &fargatesim.EFSMount{FileSystem: files, Directory: "/data"}},
		"an access point":              {change: through(there), want: &fargatesim.EFSMount{FileSystem: files, Directory: "/data"}},
		"one that makes its directory": {change: through(made), want: &fargatesim.EFSMount{FileSystem: files, Directory: "/app", User: user}},
		"IAM with a task role":         {change: withIAM, role: true, want: &fargatesim.EFSMount{FileSystem: files, Directory: "/"}},
		"IAM without a task role":      {change: withIAM, reason: failed + "AWS Access Key ID and Secret Access Key are not found"},
		"a directory that is not there": {change: func(e *efsInput) { e.RootDirectory = aws.String("/dat") },
			reason: failed + "b'mount.nfs4: mounting " + files + ".efs.us-east-1.amazonaws.com:/dat failed, reason given by server: No such file or directory' : unsuccessful EFS utils command execution; code: 32"},
		"that, encrypted": {change: func(e *efsInput) {
			e.RootDirectory, e.TransitEncryption = aws.String("/dat"), ecstypes.EFSTransitEncryptionEnabled
		}, reason: failed + "b'mount.nfs4: mounting 127.0.0.1:/dat failed"},
		"an access point that leads nowhere": {change: through(absent), reason: failed + "b'mount.nfs4: mounting 127.0.0.1:/ failed"},
		"an access point that is not there":  {change: through("fsap-99999999999999999"), reason: failed + "b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'"},
		"a file system of another account":   {change: func(e *efsInput) { e.FileSystemId = aws.String("fs-99999999999999999") }, reason: failed + `Failed to resolve "fs-99999999999999999.efs.`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []fargatesim.Mount
				script := fargatesim.Script{Run: func(_ context.Context, c fargatesim.ContainerSpec) fargatesim.Exit {
					got = c.Mounts
					return fargatesim.Exit{}
				}}
				a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": script}},
					FileSystems: []fargatesim.FileSystem{{ID: files, Directories: []string{"/data/web"}, AccessPoints: []fargatesim.AccessPoint{
						{ID: made, Root: "/app", Create: &fargatesim.Owner{UID: 1000, GID: 1000, Mode: 0o750}, User: user}, {ID: there, Root: "/data"}, {ID: absent, Root: "/none"}}}}})
				a.register(func(in *definitionInput) {
					efs(c.change)(in)
					in.ContainerDefinitions[0].MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("data"), ContainerPath: aws.String("/v"), ReadOnly: aws.Bool(true)}}
					if c.role {
						in.TaskRoleArn = aws.String("task")
					}
				})
				stopped := a.await(*a.run(nil).TaskArn, "STOPPED")
				if c.reason != "" {
					if stopped.StopCode != "TaskFailedToStart" || !strings.HasPrefix(*stopped.StoppedReason, c.reason) || got != nil {
						t.Errorf("want %q, got %s %q", c.reason, stopped.StopCode, *stopped.StoppedReason)
					}
					return
				}
				want := []fargatesim.Mount{{Volume: "data", Path: "/v", ReadOnly: true, EFS: c.want}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s%s", diff, *stopped.StoppedReason)
				}
			})
		})
	}
}
