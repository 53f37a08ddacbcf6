package taskdef_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// What a PersistentVolume may be, and what ECS gets: FILESYSTEM DIRECTORY ACCESSPOINT, TRANSIT, IAM; or the refusal.
func TestPersistentVolumes(t *testing.T) {
	for name, row := range map[string]struct{ why, spec, want string }{
		"a file system":          {"its root", `csi: {driver: efs.csi.aws.com, volumeHandle: fs-0a1b0a1b}`, "fs-0a1b0a1b  , ENABLED, "},
		"a directory":            {"as the driver has it", `csi: {driver: efs.csi.aws.com, volumeHandle: "fs-0a1b0a1b:/a/b"}`, "fs-0a1b0a1b /a/b , ENABLED, "},
		"a root and a point":     {"ECS wants no directory beside an access point", `csi: {driver: efs.csi.aws.com, volumeHandle: "fs-0a1b0a1b:/:fsap-0c0c0c0c"}`, "fs-0a1b0a1b  fsap-0c0c0c0c, ENABLED, "},
		"an access point":        {"", `csi: {driver: efs.csi.aws.com, volumeHandle: "fs-0a1b0a1b::fsap-0c0c0c0c"}`, "fs-0a1b0a1b  fsap-0c0c0c0c, ENABLED, "},
		"a point by option":      {"the driver's older way", `{csi: {driver: efs.csi.aws.com, volumeHandle: fs-0a1b0a1b}, mountOptions: [tls, accesspoint=fsap-0c0c0c0c]}`, "fs-0a1b0a1b  fsap-0c0c0c0c, ENABLED, "},
		"IAM":                    {"", `{csi: {driver: efs.csi.aws.com, volumeHandle: fs-0a1b0a1b}, mountOptions: [tls, iam]}`, "fs-0a1b0a1b  , ENABLED, ENABLED"},
		"in clear":               {"an administrator says so", `csi: {driver: efs.csi.aws.com, volumeHandle: fs-0a1b0a1b, volumeAttributes: {encryptInTransit: "false"}}`, "fs-0a1b0a1b  , DISABLED, "},
		"in clear, and a point":  {"ECS encrypts on the way to access points", `csi: {driver: efs.csi.aws.com, volumeHandle: "fs-0a1b0a1b::fsap-0c0c0c0c", volumeAttributes: {encryptInTransit: "false"}}`, "fs-0a1b0a1b  fsap-0c0c0c0c, ENABLED, "},
		"NFS":                    {"by the file system's own name", `nfs: {server: fs-0a1b0a1b.efs.eu-west-1.amazonaws.com, path: /x}`, "fs-0a1b0a1b /x , ENABLED, "},
		"NFS in a zone":          {"", `nfs: {server: eu-west-1a.fs-0a1b0a1b.efs.eu-west-1.amazonaws.com, path: /}`, "fs-0a1b0a1b  , ENABLED, "},
		"another server":         {"", `nfs: {server: nas.example.com, path: /}`, `server "nas.example.com" is no file system of EFS`},
		"a directory in a point": {"one or the other", `csi: {driver: efs.csi.aws.com, volumeHandle: "fs-0a1b0a1b:/a:fsap-0c0c0c0c"}`, "ECS takes a directory or an access point, not both"},
		"no handle":              {"", `csi: {driver: efs.csi.aws.com, volumeHandle: vol-1}`, `volumeHandle "vol-1" is not`},
		"EBS":                    {"it exists already", `csi: {driver: ebs.csi.aws.com, volumeHandle: vol-1}`, "it is an EBS volume"},
		"anything else":          {"", `hostPath: {path: /data}`, "which is not of EFS"},
	} {
		t.Run(name, func(t *testing.T) {
			pv := &corev1.PersistentVolume{}
			pv.Name = "pv"
			decodeStrict(t, row.spec, &pv.Spec)
			pod := barePod()
			decodeStrict(t, `volumes: [{name: v, persistentVolumeClaim: {claimName: claim}}]`, &pod.Spec)
			pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
			pod.Annotations = map[string]string{taskdef.AnnotationRole: "arn:aws:iam::123456789012:role/task-a"}
			in, _ := resolved(pod, nodeSources())
			in.Claims = taskdef.Claims{"claim": pv}
			got, err := taskdef.Translate(in)
			if err != nil {
				if !strings.Contains(err.Error(), row.want) {
					t.Errorf("%s: %v, want %q", row.why, err, row.want)
				}
				return
			}
			efs := got.Definition.Volumes[0].EfsVolumeConfiguration
			point, iam := "", ""
			if a := efs.AuthorizationConfig; a != nil {
				point, iam = ptr.Deref(a.AccessPointId, ""), string(a.Iam)
			}
			text := fmt.Sprintf("%s %s %s, %s, %s", *efs.FileSystemId, ptr.Deref(efs.RootDirectory, ""), point, efs.TransitEncryption, iam)
			if text != row.want {
				t.Errorf("%s: %q, want %q", row.why, text, row.want)
			}
		})
	}
}

// A pod's author may not name file systems by himself, as he may not name roles.
func TestFileSystemsAreGranted(t *testing.T) {
	pod := barePod()
	decodeStrict(t, `volumes: [{name: v, nfs: {server: fs-0f0f0f0f.efs.us-east-1.amazonaws.com, path: /}}, {name: w, csi: {driver: efs.csi.aws.com, volumeAttributes: {volumeHandle: fs-0f0f0f0f}}}]`, &pod.Spec)
	in, _ := resolved(pod, nodeSources())
	_, err := taskdef.Translate(in)
	if err == nil || strings.Count(err.Error(), `FileSystems = ["fs-0f0f0f0f"]`) != 2 {
		t.Errorf("error %v, want both volumes refused with the line to add", err)
	}
	in.Settings.Grants = everything{}
	if _, err := taskdef.Translate(in); err != nil {
		t.Errorf("granted, and refused: %v", err)
	}
}

func TestEBSAnnotation(t *testing.T) {
	const volumes = `{volumes: [{name: v, emptyDir: {}}, {name: sized, emptyDir: {sizeLimit: 1500Mi}}, {name: memory, emptyDir: {medium: Memory}}, {name: config, configMap: {name: c, optional: true}}, {name: idle, emptyDir: {}}],
		containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}, {name: sized, mountPath: /s}, {name: memory, mountPath: /m}]}]}`
	for text, want := range map[string]string{
		"v,size=200Gi":                          "v 200 gp3 0 0 ",
		"sized":                                 "sized 2 gp3 0 0 ",
		" v , size = 1Gi":                       `" size = 1Gi" is not`,
		"v, size=4Gi, type=io1, iops=100":       "v 4 io1 100 0 ",
		"v, size=3Gi, type=io1, iops=100":       "a size of 4 to 16384 GiB must be given for type io1",
		"v,size=1Gi,type=gp2,iops=3000":         "volumes of type gp2 take iops= not at all",
		"v,size=1Gi,iops=16001":                 "volumes of type gp3 take iops= of 3000 to 16000",
		"v,size=1Gi,type=gp2,throughput=125":    "volumes of type gp2 take throughput= not at all",
		"v,size=1Gi,throughput=300":             "v 1 gp3 0 300 ",
		"v,size=1Gi,iops=3000":                  "v 1 gp3 3000 0 ",
		"v,size=8Gi,iops=4000,throughput=1000":  "v 8 gp3 4000 1000 ",
		"v,size=8Gi,iops=4001":                  "a volume of 8 GiB and type gp3 takes iops= up to 4000",
		"v,size=5Gi,iops=3001":                  "a volume of 5 GiB and type gp3 takes iops= up to 3000",
		"v,size=1Gi,throughput=750":             "v 1 gp3 0 750 ",
		"v,size=1Gi,throughput=751":             "with 3000 iops a volume takes throughput= up to 750",
		"v,size=10Gi,iops=3999,throughput=1000": "with 3999 iops a volume takes throughput= up to 999",
		"v,size=4Gi,type=io1,iops=201":          "a volume of 4 GiB and type io1 takes iops= up to 200",
		"v,size=4Gi,type=io2,iops=4000":         "v 4 io2 4000 0 ",
		"v,size=4Gi,type=io2,iops=4001":         "a volume of 4 GiB and type io2 takes iops= up to 4000",
		"v,size=16000Gi,type=io2,iops=256000":   "v 16000 io2 256000 0 ",
		"v,size=1Gi,filesystem=ext4":            "v 1 gp3 0 0 ext4",
		"v":                                     "a size of 1 to 16384 GiB must be given",
		"v,size=20000Gi":                        "a size of 1 to 16384 GiB must be given",
		"v,size=1Gi,type=standard":              `"type=standard" is not`,
		"v,size=4Gi,type=io2":                   "volumes of type io2 take iops= of 100 to 256000",
		"v,size=1Gi,iops=many":                  `"iops=many" is not`,
		"v,size=1Gi,filesystem=btrfs":           `"filesystem=btrfs" is not`,
		"v,size=1Gi,snapshot=snap-0":            `"snapshot=snap-0" is not`,
		"memory,size=1Gi":                       `"memory" is no emptyDir of the pod, on disk`,
		"config,size=1Gi":                       `"config" is no emptyDir of the pod, on disk`,
		"absent,size=1Gi":                       `"absent" is no emptyDir of the pod, on disk`,
		"idle,size=1Gi":                         "the volume must be mounted, and as a whole",
		"":                                      `"" is no emptyDir of the pod, on disk`,
		strings.Repeat("v", 300) + ",size=":     "is no emptyDir of the pod, on disk",
	} {
		pod := barePod()
		decodeStrict(t, volumes, &pod.Spec)
		pod.Annotations = map[string]string{taskdef.AnnotationEBS: text}
		in, _ := resolved(pod, nodeSources())
		got, err := taskdef.Translate(in)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", text, err, want)
			}
			continue
		}
		v := got.Run.VolumeConfigurations[0]
		is := fmt.Sprintf("%s %d %s %d %d %s", *v.Name, *v.ManagedEBSVolume.SizeInGiB, *v.ManagedEBSVolume.VolumeType, ptr.Deref(v.ManagedEBSVolume.Iops, 0), ptr.Deref(v.ManagedEBSVolume.Throughput, 0), v.ManagedEBSVolume.FilesystemType)
		if is != want {
			t.Errorf("%q: %q, want %q", text, is, want)
		}
	}
}
