package fargatesim

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// FileSystem is an EFS file system of the account, with a mount target in every subnet and no policy of its own:
// whoever reaches it may read and write all of it (EFS user guide: default file system policy).
type FileSystem struct {
	ID string // "fs-0123456789abcdef0"
	// Directories that exist from the start, beside "/" and those above them: "/data/web".
	Directories  []string
	AccessPoints []AccessPoint
}

// AccessPoint is a way into a file system that ends in a directory of it.
type AccessPoint struct {
	ID   string // "fsap-0123456789abcdef0"
	Root string // the directory; empty: "/"
	// Create makes the directory for the first who mounts it, if it does not exist; nil: it has to exist.
	Create *Owner
	// User is who does everything that is done through the access point; nil: the process itself.
	User *PosixUser
}

// Owner is what a new directory has.
type Owner struct {
	UID, GID int
	Mode     uint32 // 0o755
}

// PosixUser is an identity on a file system.
type PosixUser struct {
	UID, GID      int
	SecondaryGIDs []int
}

// EFSMount is a directory of a file system as a mount shows it. What is in it outlives the task and is shared.
type EFSMount struct {
	FileSystem string     // its ID
	Directory  string     // clean: "/", "/data"
	User       *PosixUser // of the access point; nil: none
}

// A Shelf is a Runtime that keeps what file systems hold. For a Runtime that is none, a file system has the directories
// of its Config, those that access points made, and no others.
type Shelf interface {
	// Directory reports whether a file system has a directory (no symbolic link is one). A file system that it sees for
	// the first time it makes with its Directories. With create it makes the directory, and those above it.
	Directory(ctx context.Context, fs FileSystem, directory string, create *Owner) (exists bool, err error)
}

// newShelf is the runtime, if it is one.
func newShelf(c Config) Shelf {
	if runtime, ok := c.Runtime.(Shelf); ok {
		return runtime
	}
	return &shelf{made: map[string]map[string]bool{}}
}

// shelf is one without files.
type shelf struct {
	mu   sync.Mutex                 // guards made
	made map[string]map[string]bool // the directories that access points made, by file system
}

func (s *shelf) Directory(_ context.Context, fs FileSystem, directory string, create *Owner) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if create != nil {
		if s.made[fs.ID] == nil {
			s.made[fs.ID] = map[string]bool{}
		}
		s.made[fs.ID][directory] = true
	}
	return directory == "/" || within(directory, fs.Directories) || s.made[fs.ID][directory], nil
}

// within reports whether a directory is one of the list, or above one.
func within(directory string, list []string) bool {
	return slices.ContainsFunc(list, func(there string) bool {
		for there = path.Clean(there); there != "/" && there != "."; there = path.Dir(there) {
			if there == directory {
				return true
			}
		}
		return false
	})
}

// mountFileSystems mounts the EFS file systems of the task, as Fargate does before it pulls an image. The error is the
// stopped reason.
func (s *Server) mountFileSystems(ctx context.Context, t *task) error {
	t.fileSystems = map[string]*EFSMount{}
	for _, v := range t.definition.Volumes {
		if v.EfsVolumeConfiguration == nil {
			continue
		}
		mounted, err := s.mountFileSystem(ctx, t, v.EfsVolumeConfiguration)
		if err != nil {
			return err
		}
		t.fileSystems[*v.Name] = mounted
	}
	return nil
}

func (s *Server) mountFileSystem(ctx context.Context, t *task, e *ecstypes.EFSVolumeConfiguration) (*EFSMount, error) {
	i := slices.IndexFunc(s.config.FileSystems, func(fs FileSystem) bool { return fs.ID == *e.FileSystemId })
	if i < 0 {
		return nil, efsError(1, "Failed to resolve \"%s\" - check that your file system ID is correct, and ensure that the VPC has an EFS mount target for this file system ID. See https://docs.aws.amazon.com/console/efs/mount-dns-name for more detail. Attempting to lookup mount target ip address using botocore. Failed to import necessary dependency botocore, please install botocore first.",
			s.mountTarget(e))
	}
	authorization := deref(e.AuthorizationConfig)
	if authorization.Iam == ecstypes.EFSAuthorizationConfigIAMEnabled && t.taskRole() == nil {
		return nil, efsError(1, "AWS Access Key ID and Secret Access Key are not found in AWS credentials file (~/.aws/credentials), config file (~/.aws/config), from ECS credentials relative uri, or from the instance security credentials service")
	}
	fs, point := s.config.FileSystems[i], AccessPoint{Root: deref(e.RootDirectory)}
	if authorization.AccessPointId != nil {
		i := slices.IndexFunc(fs.AccessPoints, func(p AccessPoint) bool { return p.ID == *authorization.AccessPointId })
		if i < 0 {
			return nil, efsError(32, "b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'")
		}
		point = fs.AccessPoints[i]
	}
	return s.mountDirectory(ctx, e, fs, point)
}

func (s *Server) mountDirectory(ctx context.Context, e *ecstypes.EFSVolumeConfiguration, fs FileSystem, point AccessPoint) (*EFSMount, error) {
	directory := path.Clean("/" + point.Root)
	exists, err := s.shelf.Directory(ctx, fs, directory, nil)
	if err == nil && !exists && point.Create != nil {
		exists, err = s.shelf.Directory(ctx, fs, directory, point.Create)
	}
	if err != nil {
		return nil, efsError(1, "%v", err)
	}
	if !exists {
		server, asked := s.mountTarget(e), or(deref(e.RootDirectory), "/")
		if e.TransitEncryption == ecstypes.EFSTransitEncryptionEnabled {
			server = "127.0.0.1" // the end of the tunnel on the host
		}
		return nil, efsError(32, "b'mount.nfs4: mounting %s:%s failed, reason given by server: No such file or directory'", server, asked)
	}
	return &EFSMount{FileSystem: fs.ID, Directory: directory, User: point.User}, nil
}

func (s *Server) mountTarget(e *ecstypes.EFSVolumeConfiguration) string {
	return *e.FileSystemId + ".efs." + s.config.Region + ".amazonaws.com"
}

// efsError words a failure as users of Fargate have met it (aws/copilot-cli#5419, aws-samples/aws-cdk-examples#920).
func efsError(code int, format string, args ...any) error {
	return resourceError("failed to invoke EFS utils commands to set up EFS volumes: stderr: %s : unsuccessful EFS utils command execution; code: %d",
		fmt.Sprintf(format, args...), code)
}
