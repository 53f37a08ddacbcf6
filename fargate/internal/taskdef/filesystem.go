package taskdef

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
)

const (
	driverEFS = "efs.csi.aws.com" // of PersistentVolumes; github.com/kubernetes-sigs/aws-efs-csi-driver
	driverEBS = "ebs.csi.aws.com"

	// Attributes of a csi volume in a pod, where there is no PersistentVolume with a handle.
	attributeHandle   = "volumeHandle"
	attributeInTravel = "encryptInTransit" // the driver's own: "false" turns it off
)

// fileSystem is a directory of an EFS file system.
type fileSystem struct {
	id          string
	directory   string // absolute; empty: the root
	accessPoint string // empty: none
	plain       bool   // not encrypted in transit
	byIAM       bool   // the task role is asked for
	readOnly    bool
}

// Claims are the PersistentVolumes that a pod's claims are bound to, by the claim's name.
type Claims map[string]*corev1.PersistentVolume

// fileSystemOf reads a volume as one of EFS: by its claim, by NFS, or as the EFS CSI driver names them. fault says why a
// volume of these kinds is none; both are empty for any other, and for a claim that is not bound.
func fileSystemOf(in Input, v *corev1.Volume) (fs *fileSystem, fault string) {
	switch {
	case v.PersistentVolumeClaim != nil:
		volume := in.Claims[v.PersistentVolumeClaim.ClaimName]
		if volume == nil {
			return nil, ""
		}
		fs, fault = ofPersistentVolume(volume)
		if fs != nil {
			fs.readOnly = fs.readOnly || v.PersistentVolumeClaim.ReadOnly
		}
		return fs, fault
	case v.NFS != nil:
		return ofNFS(v.NFS)
	case v.CSI != nil:
		if v.CSI.Driver != driverEFS {
			return nil, "the driver is " + v.CSI.Driver + ", and Fargate mounts volumes of " + driverEFS + " alone"
		}
		fs, fault = ofHandle(v.CSI.VolumeAttributes[attributeHandle], v.CSI.VolumeAttributes, nil)
		if fs != nil && v.CSI.ReadOnly != nil {
			fs.readOnly = *v.CSI.ReadOnly
		}
		return fs, fault
	}
	return nil, ""
}

func ofPersistentVolume(pv *corev1.PersistentVolume) (*fileSystem, string) {
	source := pv.Spec.PersistentVolumeSource
	var fs *fileSystem
	var fault string
	switch {
	case source.CSI != nil && source.CSI.Driver == driverEFS:
		fs, fault = ofHandle(source.CSI.VolumeHandle, source.CSI.VolumeAttributes, pv.Spec.MountOptions)
	case source.CSI != nil && source.CSI.Driver == driverEBS:
		fault = "it is an EBS volume, and an existing one cannot be attached to a Fargate task"
	case source.NFS != nil:
		fs, fault = ofNFS(source.NFS)
	default:
		fault = "it is bound to PersistentVolume " + pv.Name + ", which is not of EFS"
	}
	if fs != nil {
		fs.readOnly = fs.readOnly || !slices.ContainsFunc(pv.Spec.AccessModes, func(m corev1.PersistentVolumeAccessMode) bool { return m != corev1.ReadOnlyMany })
	}
	return fs, fault
}

// handle is how the driver names a volume: FILESYSTEM[:[DIRECTORY][:ACCESSPOINT]]. EFS API reference: FileSystemId,
// AccessPointId.
var handle = regexp.MustCompile(`^(fs-[0-9a-f]{8,40})(?::([^:]*))?(?::(fsap-[0-9a-f]{8,40}))?$`)

func ofHandle(text string, attributes map[string]string, options []string) (*fileSystem, string) {
	found := handle.FindStringSubmatch(text)
	if found == nil {
		return nil, fmt.Sprintf("volumeHandle %s is not FILESYSTEM[:[DIRECTORY][:ACCESSPOINT]], such as fs-0123456789abcdef0:/data", shortened(text))
	}
	fs := &fileSystem{id: found[1], directory: found[2], accessPoint: found[3]}
	fs.plain = attributes[attributeInTravel] == "false"
	for _, o := range options {
		switch name, value, _ := strings.Cut(o, "="); name {
		case "iam":
			fs.byIAM = true
		case "accesspoint":
			fs.accessPoint = cmp.Or(fs.accessPoint, value)
		case "ro":
			fs.readOnly = true
		}
	}
	if fs.accessPoint != "" && strings.Trim(fs.directory, "/") != "" {
		return nil, "ECS takes a directory or an access point, not both"
	}
	return fs, ""
}

// serverEFS is the DNS name of a file system; EFS user guide: "Mounting EFS file systems", DNS name.
var serverEFS = regexp.MustCompile(`^(?:[a-z0-9-]+\.)?(fs-[0-9a-f]{8,40})\.efs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$`)

func ofNFS(source *corev1.NFSVolumeSource) (*fileSystem, string) {
	found := serverEFS.FindStringSubmatch(source.Server)
	if found == nil {
		return nil, fmt.Sprintf("server %s is no file system of EFS", shortened(source.Server))
	}
	return &fileSystem{id: found[1], directory: source.Path, readOnly: source.ReadOnly}, ""
}

// cannotNarrow says why a directory of the file system cannot be mounted by itself; "": it can.
func (fs fileSystem) cannotNarrow(subPath string) string {
	if subPath != "" && fs.accessPoint != "" {
		return "an access point is mounted as a whole"
	}
	return ""
}

func (fs fileSystem) ecs(subPath string) *ecstypes.EFSVolumeConfiguration {
	c := &ecstypes.EFSVolumeConfiguration{FileSystemId: aws.String(fs.id), TransitEncryption: ecstypes.EFSTransitEncryptionEnabled}
	if root := path.Join("/", fs.directory, subPath); root != "/" {
		c.RootDirectory = aws.String(root)
	}
	if fs.plain && fs.accessPoint == "" && !fs.byIAM { // ECS wants it for both (API reference: EFSVolumeConfiguration)
		c.TransitEncryption = ecstypes.EFSTransitEncryptionDisabled
	}
	if fs.accessPoint != "" || fs.byIAM {
		c.AuthorizationConfig = &ecstypes.EFSAuthorizationConfig{AccessPointId: optional(fs.accessPoint)}
		if fs.byIAM {
			c.AuthorizationConfig.Iam = ecstypes.EFSAuthorizationConfigIAMEnabled
		}
	}
	return c
}
