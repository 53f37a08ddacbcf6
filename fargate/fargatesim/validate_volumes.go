package fargatesim

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// checkVolumes holds the rules for volumes: bind mounts on the task's own storage, EFS and one EBS volume.
func checkVolumes(in *ecs.RegisterTaskDefinitionInput) error {
	seen := map[string]bool{}
	atLaunch := 0
	for _, v := range in.Volumes {
		name := deref(v.Name)
		switch {
		case !isName(name):
			return clientError("Volume name '%s' is not valid: up to 255 letters, digits, hyphens and underscores are allowed.", name)
		case seen[name]:
			return clientError("Volume name '%s' is given twice.", name)
		case v.Host != nil && v.Host.SourcePath != nil:
			return unsupported("the host sourcePath of volumes")
		case v.DockerVolumeConfiguration != nil:
			return unsupported("docker volumes")
		case v.FsxWindowsFileServerVolumeConfiguration != nil:
			return unsupported("FSx for Windows File Server volumes")
		case kinds(v) > 1:
			return clientError("When the volume parameter is specified, only one volume configuration type should be used.")
		case deref(v.ConfiguredAtLaunch):
			atLaunch++
		}
		seen[name] = true
		if err := checkEFS(v.EfsVolumeConfiguration); err != nil {
			return err
		}
	}
	if atLaunch > 1 {
		return clientError("Only one volume of a task can be configured at launch.")
	}
	return nil
}

// kinds counts what a volume says that it is.
func kinds(v ecstypes.Volume) (n int) {
	for _, given := range []bool{v.Host != nil, v.EfsVolumeConfiguration != nil, v.S3filesVolumeConfiguration != nil, deref(v.ConfiguredAtLaunch)} {
		if given {
			n++
		}
	}
	return n
}

// What EFS calls its file systems and access points (EFS API reference: FileSystemDescription, AccessPointDescription).
var (
	fileSystemID  = regexp.MustCompile(`^fs-[0-9a-f]{8,40}$`)
	accessPointID = regexp.MustCompile(`^fsap-[0-9a-f]{8,40}$`)
)

// checkEFS holds the rules that the SDK's documentation states for EFSVolumeConfiguration and EFSAuthorizationConfig.
func checkEFS(e *ecstypes.EFSVolumeConfiguration) error {
	if e == nil {
		return nil
	}
	root, encrypted := deref(e.RootDirectory), e.TransitEncryption == ecstypes.EFSTransitEncryptionEnabled
	switch {
	case !fileSystemID.MatchString(*e.FileSystemId):
		return clientError("Invalid EFS file system ID: '%s'.", *e.FileSystemId)
	case root != "" && !strings.HasPrefix(root, "/"):
		return clientError("The root directory of the EFS file system must be absolute: '%s'.", root)
	case e.TransitEncryptionPort != nil && (*e.TransitEncryptionPort < 1 || *e.TransitEncryptionPort > 65535):
		return clientError("The transit encryption port must be between 1 and 65535.")
	}
	authorization := deref(e.AuthorizationConfig)
	if authorization.Iam == ecstypes.EFSAuthorizationConfigIAMEnabled && !encrypted {
		return clientError("Transit encryption must be enabled with EFS IAM authorization.")
	}
	if authorization.AccessPointId == nil {
		return nil
	}
	switch {
	case !accessPointID.MatchString(*authorization.AccessPointId):
		return clientError("Invalid EFS access point ID: '%s'.", *authorization.AccessPointId)
	case root != "" && root != "/":
		return clientError("The root directory must be omitted or '/' with an EFS access point.")
	case !encrypted:
		return clientError("Transit encryption must be enabled with an EFS access point.")
	}
	return nil
}
