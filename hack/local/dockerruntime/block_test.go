package dockerruntime_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestAnEBSVolumeIsNewAndItsGroupMayWrite(t *testing.T) {
	a := open(t, fargatesim.Config{})
	define := func(in *ecs.RegisterTaskDefinitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("data"), ConfiguredAtLaunch: aws.Bool(true)}}
		c := &in.ContainerDefinitions[0]
		c.User, c.MountPoints = aws.String("1000:1000"), []ecstypes.MountPoint{{SourceVolume: aws.String("data"), ContainerPath: aws.String("/ebs")}}
	}
	launch := func(in *ecs.RunTaskInput) {
		in.VolumeConfigurations = []ecstypes.TaskVolumeConfiguration{{Name: aws.String("data"), ManagedEBSVolume: &ecstypes.TaskManagedEBSVolumeConfiguration{
			RoleArn: aws.String("arn:aws:iam::123456789012:role/infrastructure"), SizeInGiB: aws.Int32(1), VolumeType: aws.String("gp3")}}}
	}
	for range 2 { // the second does not see what the first one wrote
		_, written := a.script("stat -c '%a %u:%g' /ebs; id -G; ls -A /ebs; echo kept > /ebs/file && cat /ebs/file", define, launch)
		if want := "775 0:0\n1000 0\nkept\n"; written != want {
			t.Errorf("want %q, got %q", want, written)
		}
	}
	if left := a.EBSVolumes(); len(left) != 0 {
		t.Errorf("volumes outlived their tasks: %+v", left)
	}
}
