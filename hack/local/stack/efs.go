package stack

import "github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"

// The EFS file system of the local AWS: with a directory that can be mounted, and an access point that makes one of its
// own. What is in it goes with the stack.
const (
	FileSystem  = "fs-0123456789abcdef0"
	Directory   = "/shared"
	AccessPoint = "fsap-0123456789abcdef0" // leads to /access-point, of user and group 1000
)

var fileSystems = []fargatesim.FileSystem{{
	ID: FileSystem, Directories: []string{Directory},
	AccessPoints: []fargatesim.AccessPoint{{
		ID: AccessPoint, Root: "/access-point",
		Create: &fargatesim.Owner{UID: 1000, GID: 1000, Mode: 0o755}, User: &fargatesim.PosixUser{UID: 1000, GID: 1000},
	}},
}}
