package fargatesim_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

type ebsInput = ecstypes.TaskManagedEBSVolumeConfiguration

const infrastructure = "arn:aws:iam::123456789012:role/infrastructure"

// atLaunch is a definition with a volume that RunTask configures.
func atLaunch(in *definitionInput) {
	in.Volumes = []ecstypes.Volume{{Name: aws.String("data"), ConfiguredAtLaunch: aws.Bool(true)}}
	in.ContainerDefinitions[0].MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("data"), ContainerPath: aws.String("/v")}}
}

// ebs configures the volume with 10 GiB; change alters that and may be nil.
func ebs(change func(*ebsInput)) func(*ecs.RunTaskInput) {
	return func(in *ecs.RunTaskInput) {
		v := &ebsInput{RoleArn: aws.String(infrastructure), SizeInGiB: aws.Int32(10)}
		if change != nil {
			change(v)
		}
		in.VolumeConfigurations = []ecstypes.TaskVolumeConfiguration{{Name: aws.String("data"), ManagedEBSVolume: v}}
	}
}

func TestBadVolumeConfigurationsAreRefused(t *testing.T) {
	typed := func(kind string, size int32, change func(*ebsInput)) func(*ecs.RunTaskInput) {
		return ebs(func(v *ebsInput) {
			v.VolumeType, v.SizeInGiB = &kind, &size
			if change != nil {
				change(v)
			}
		})
	}
	iops := func(n int32) func(*ebsInput) { return func(v *ebsInput) { v.Iops = &n } }
	throughput := func(n int32) func(*ebsInput) { return func(v *ebsInput) { v.Throughput = &n } }
	tagged := func(s ecstypes.EBSTagSpecification) func(*ecs.RunTaskInput) {
		return ebs(func(v *ebsInput) { s.ResourceType = "volume"; v.TagSpecifications = []ecstypes.EBSTagSpecification{s} })
	}
	a := open(t, fargatesim.Config{Unthrottled: true})
	a.register(atLaunch)
	for why, change := range map[string]func(*ecs.RunTaskInput){
		"no configuration":  nil,
		"one for no volume": func(in *ecs.RunTaskInput) { ebs(nil)(in); in.VolumeConfigurations[0].Name = aws.String("other") },
		"two": func(in *ecs.RunTaskInput) {
			ebs(nil)(in)
			in.VolumeConfigurations = slices.Repeat(in.VolumeConfigurations, 2)
		},
		"an empty one":                  func(in *ecs.RunTaskInput) { ebs(nil)(in); in.VolumeConfigurations[0].ManagedEBSVolume = nil },
		"neither a size nor a snapshot": ebs(func(v *ebsInput) { v.SizeInGiB = nil }),
		"no snapshot's ID":              ebs(func(v *ebsInput) { v.SnapshotId = aws.String("latest") }),
		"a rate without a snapshot":     ebs(func(v *ebsInput) { v.VolumeInitializationRate = aws.Int32(100) }),
		"a role's name":                 ebs(func(v *ebsInput) { v.RoleArn = aws.String("infrastructure") }),
		"Windows' filesystem":           ebs(func(v *ebsInput) { v.FilesystemType = ecstypes.TaskFilesystemTypeNtfs }),
		"another filesystem":            ebs(func(v *ebsInput) { v.FilesystemType = "zfs" }),
		"a magnetic volume":             typed("standard", 10, nil),
		"a type that is none":           typed("gp9", 10, nil),
		"iops without a type":           ebs(iops(3000)),
		"throughput without a type":     ebs(throughput(125)),
		"too large":                     typed("gp3", 16385, nil),
		"nothing at all":                typed("gp3", 0, nil),
		"too small for io2":             typed("io2", 3, iops(100)),
		"too small for sc1":             typed("sc1", 124, nil),
		"io1 without iops":              typed("io1", 10, nil),
		"io1 with too many iops":        typed("io1", 10, iops(64001)),
		"gp3 with too few iops":         typed("gp3", 10, iops(2999)),
		"iops for gp2":                  typed("gp2", 10, iops(3000)),
		"iops for st1":                  typed("st1", 125, iops(3000)),
		"throughput for io2":            typed("io2", 10, func(v *ebsInput) { iops(100)(v); throughput(125)(v) }),
		"too much throughput":           typed("gp3", 10, throughput(1001)),
		"a tag of ECS's own":            tagged(ecstypes.EBSTagSpecification{Tags: []ecstypes.Tag{{Key: aws.String("AmazonECSManaged"), Value: aws.String("false")}}}),
		"a tag of AWS's own":            tagged(ecstypes.EBSTagSpecification{Tags: []ecstypes.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}}),
		"the definition's tags":         tagged(ecstypes.EBSTagSpecification{PropagateTags: ecstypes.PropagateTagsTaskDefinition}),
		"no resource type":              ebs(func(v *ebsInput) { v.TagSpecifications = []ecstypes.EBSTagSpecification{{}} }),
		"no answer about the end":       ebs(func(v *ebsInput) { v.TerminationPolicy = &ecstypes.TaskManagedEBSVolumeTerminationPolicy{} }),
	} {
		t.Run(why, func(t *testing.T) {
			in := goodRun()
			if change != nil {
				change(in)
			}
			_, err := a.ecs.RunTask(t.Context(), in)
			if code(err) != "InvalidParameterException" && !strings.Contains(code(err), "missing required field") { // the latter is the client's own
				t.Errorf("RunTask with %s: want InvalidParameterException, got %v", why, err)
			}
		})
	}
	a.register(nil) // without a volume
	in := goodRun()
	ebs(nil)(in)
	if _, err := a.ecs.RunTask(t.Context(), in); code(err) != "InvalidParameterException" {
		t.Errorf("a configuration for a definition without a volume: %v", err)
	}
	if n := len(a.Tasks()); n != 0 {
		t.Errorf("%d tasks were started all the same", n)
	}
}

// attachment returns the status and the details of the task's volume.
func attachment(t *testing.T, task ecstypes.Task) (status string, details map[string]string) {
	t.Helper()
	details = map[string]string{}
	for _, a := range task.Attachments {
		if *a.Type == "AmazonElasticBlockStorage" {
			status = *a.Status
			for _, d := range a.Details {
				details[*d.Name] = *d.Value
			}
		}
	}
	return status, details
}

func TestATaskHasAVolumeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mounts []fargatesim.Mount
		var states []string
		script := fargatesim.Script{Run: func(stop context.Context, c fargatesim.ContainerSpec) fargatesim.Exit {
			mounts = c.Mounts
			<-stop.Done()
			return fargatesim.Exit{}
		}}
		a := open(t, fargatesim.Config{
			Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": script}},
			Changed: func(task ecstypes.Task) {
				if status, _ := attachment(t, task); len(states) == 0 || states[len(states)-1] != status {
					states = append(states, status)
				}
			},
		})
		a.register(atLaunch)
		running := a.await(*a.run(ebs(func(v *ebsInput) {
			v.VolumeType, v.FilesystemType = aws.String("gp3"), ecstypes.TaskFilesystemTypeExt4
			v.TagSpecifications = []ecstypes.EBSTagSpecification{{ResourceType: "volume", Tags: []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("web")}}}}
		})).TaskArn, "RUNNING")
		synctest.Wait()
		status, details := attachment(t, running)
		id := details["volumeId"]
		if want := map[string]string{"roleArn": infrastructure, "volumeName": "data", "deleteOnTermination": "true", "volumeId": id}; status != "ATTACHED" || !cmp.Equal(want, details) {
			t.Errorf("the attachment is %s: %v", status, details)
		}
		want := []fargatesim.EBSVolume{{ID: id, Name: "data", TaskARN: *running.TaskArn, SizeGiB: 10, Type: "gp3", Filesystem: "ext4", Attached: true,
			Tags: map[string]string{"team": "web", "AmazonECSCreated": *running.TaskArn, "AmazonECSManaged": "true"}}}
		if diff := cmp.Diff(want, a.EBSVolumes()); diff != "" {
			t.Errorf("volumes (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]fargatesim.Mount{{Volume: "data", Path: "/v", EBS: &fargatesim.BlockMount{ID: id, SizeGiB: 10, Filesystem: "ext4"}}}, mounts); diff != "" {
			t.Errorf("mounts (-want +got):\n%s", diff)
		}
		a.stop(*running.TaskArn)
		a.await(*running.TaskArn, "STOPPED")
		if left := a.EBSVolumes(); len(left) != 0 {
			t.Errorf("the volume outlived its task: %v", left)
		}
		if diff := cmp.Diff([]string{"PRECREATED", "CREATED", "ATTACHING", "ATTACHED", "DETACHING", "DELETED"}, states); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestAVolumeCanBeLeftBehind(t *testing.T) {
	a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": fargatesim.Exits(0, 0)}}})
	a.register(atLaunch)
	task := a.await(*a.run(ebs(func(v *ebsInput) {
		v.TerminationPolicy = &ecstypes.TaskManagedEBSVolumeTerminationPolicy{DeleteOnTermination: aws.Bool(false)}
	})).TaskArn, "STOPPED")
	left := a.EBSVolumes()
	if _, details := attachment(t, task); details["deleteOnTermination"] != "false" || len(left) != 1 || left[0].Attached || left[0].Filesystem != "xfs" {
		t.Errorf("want the volume, free, with ECS's own filesystem: %+v, %v", left, details)
	}
}

func TestAVolumeThatCannotBeHadEndsTheTask(t *testing.T) {
	const (
		everything = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`
		notAssumed = "ECS was unable to assume the configured ECS Infrastructure Role '" + infrastructure + "'."
	)
	good := func() *fargatesim.IAM {
		return &fargatesim.IAM{Callers: map[string]fargatesim.Caller{"AKIAEXAMPLE": {Policies: []string{everything}}},
			Roles: map[string]fargatesim.Role{"infrastructure": {Trust: fargatesim.EcsTrust, Policies: []string{everything}}}}
	}
	role := func(r fargatesim.Role) func(*fargatesim.IAM) {
		return func(i *fargatesim.IAM) { i.Roles["infrastructure"] = r }
	}
	snapshot := func(id string, size int32) func(*ebsInput) {
		return func(v *ebsInput) {
			v.SnapshotId, v.SizeInGiB = &id, nil
			if size > 0 {
				v.SizeInGiB = &size
			}
		}
	}
	for name, c := range map[string]struct {
		iam    func(*fargatesim.IAM)
		volume func(*ebsInput)
		fail   string
		want   string // empty: the task runs
	}{
		"all is well":              {},
		"a snapshot":               {volume: snapshot("snap-00000001", 0)},
		"more than the snapshot":   {volume: snapshot("snap-00000001", 30)},
		"a test says no":           {fail: "ECS timed out while configuring the EBS Volume.", want: "ECS timed out"},
		"a role that is not there": {iam: func(i *fargatesim.IAM) { i.Roles = nil }, want: notAssumed},
		"a role for tasks":         {iam: role(fargatesim.Role{Policies: []string{everything}}), want: notAssumed},
		"a role without rights":    {iam: role(fargatesim.Role{Trust: fargatesim.EcsTrust}), want: "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/infrastructure/ECSTaskVolumesForEBS is not authorized to perform: ec2:CreateVolume"},
		"a caller who may not pass it": {iam: func(i *fargatesim.IAM) {
			i.Callers["AKIAEXAMPLE"] = fargatesim.Caller{Policies: []string{fargatesim.AmazonECSFullAccess}} // passes roles to tasks only
		}, want: notAssumed},
		"a snapshot that is not there": {volume: snapshot("snap-99999999", 0), want: "The snapshot 'snap-99999999' does not exist."},
		"less than the snapshot":       {volume: snapshot("snap-00000001", 19), want: "The size of a volume cannot be smaller"},
		"another filesystem than the snapshot's": {volume: func(v *ebsInput) {
			snapshot("snap-00000001", 0)(v)
			v.FilesystemType = ecstypes.TaskFilesystemTypeExt3
		}, want: "The filesystem type"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := fargatesim.Config{IAM: good(), Snapshots: []fargatesim.Snapshot{{ID: "snap-00000001", SizeGiB: 20, Filesystem: "xfs"}}}
				if c.iam != nil {
					c.iam(config.IAM)
				}
				a := open(t, config)
				if c.fail != "" {
					a.FailVolumes(1, c.fail)
				}
				a.register(atLaunch)
				arn := *a.run(ebs(c.volume)).TaskArn
				if c.want == "" {
					a.await(arn, "RUNNING")
					return
				}
				task := a.await(arn, "STOPPED")
				status, details := attachment(t, task)
				if status != "FAILED" || !strings.HasPrefix(details["statusReason"], c.want) || task.StopCode != "TaskFailedToStart" || *task.StoppedReason != details["statusReason"] {
					t.Errorf("want the task to fail for %q: %s %v, %s %q", c.want, status, details, task.StopCode, *task.StoppedReason)
				}
				if left := a.EBSVolumes(); len(left) != 0 {
					t.Errorf("volumes: %v", left)
				}
			})
		})
	}
}
