package fargatesim

import (
	"context"
	"io"
	"net/netip"
	"time"
)

// A Runtime runs the containers of tasks. The Server owns everything else: states, order, essential, health, time-outs.
// All methods of a Runtime, its Sandboxes and their Containers may be called at once from several goroutines, and
// each returns when its ctx ends.
type Runtime interface {
	// Sandbox gives the task a network of its own at task.Address; its containers share it.
	// The error's text becomes the stopped reason of the task.
	Sandbox(ctx context.Context, task TaskSpec) (Sandbox, error)
}

// A Sandbox is where the containers of one task run.
type Sandbox interface {
	// Pull makes the image present and returns its digest ("sha256:" and 64 hex digits; empty: not known).
	// The error's text becomes that of the CannotPullContainerError.
	Pull(ctx context.Context, image string) (digest string, err error)
	// Start creates and starts a container. It is called again for a container whose restart policy restarts it,
	// after the earlier one has ended. The error's text becomes that of the CannotStartContainerError.
	Start(ctx context.Context, c ContainerSpec) (Container, error)
	// Remove ends what still runs and takes everything away: when it returns, the address is free. It may be repeated.
	Remove(ctx context.Context) error
}

// A Container is one run of a container.
type Container interface {
	// RuntimeID is the name of the container in the runtime, and runtimeId in DescribeTasks: that of its spec, unless
	// the runtime has names of its own.
	RuntimeID() string
	// Wait blocks until the container has ended and all its output is written. It may be called more than once.
	Wait(ctx context.Context) (Exit, error)
	// Stop sends the stop signal of the image (SIGTERM if it names none) and SIGKILL after timeout.
	// It returns when the container has ended; stopping one that has ended is no error.
	Stop(ctx context.Context, timeout time.Duration) error
	// Exec runs a command in the container, for health checks, and ends it when ctx ends. An error means that it
	// could not be run at all.
	Exec(ctx context.Context, command []string) (exitCode int, err error)
}

// Exit is how a container ended.
type Exit struct {
	Code      int  // 128 + signal for one that a signal ended
	OOMKilled bool // for its own memory limit
}

// TaskSpec is what a runtime may know of a task. Sizes are those after the overrides of RunTask.
type TaskSpec struct {
	ARN       string
	ID        string // 32 hex digits
	Family    string // of the task definition
	Revision  int
	Address   netip.Addr   // of the task's network interface, chosen by the Server
	Subnet    netip.Prefix // the CIDR of the subnet it is in
	MAC       string       // 0a:..., of the network interface
	CPUUnits  int          // 1024 are one vCPU
	MemoryMiB int          // limit for the whole task
	SharePIDs bool         // pidMode "task": the containers share one PID namespace
	// Environment of the task by container name, from the definition with the overrides laid over it; what
	// ContainerSpec repeats, together with what came from secrets. For scripted runtimes that choose by the task.
	Environment map[string]map[string]string
}

// ContainerSpec is a container of a task definition with the overrides of RunTask laid over it.
type ContainerSpec struct {
	Name string
	// RuntimeID is what Fargate calls the container in the runtime: the task's ID, a hyphen and a number. It stays the
	// same when the container is restarted.
	RuntimeID string
	Image     string
	// EntryPoint replaces the image's ENTRYPOINT and drops its CMD; nil keeps both.
	EntryPoint []string
	// Command replaces the image's CMD; nil keeps it.
	Command           []string
	Environment       map[string]string
	WorkingDirectory  string // empty: the image's
	User              string // empty: the image's; else user, user:group, uid, uid:gid
	MemoryMiB         int    // hard limit; 0: the task's
	MemoryReservation int    // MiB, soft limit; 0: none
	CPUUnits          int    // shares; 0: the least
	TTY               bool
	Stdin             bool // keep stdin open
	ReadOnlyRoot      bool
	Init              bool // an init process inside the container
	CapabilitiesAdd   []string
	CapabilitiesDrop  []string
	Labels            map[string]string
	Sysctls           map[string]string
	Ulimits           []Ulimit
	Tmpfs             []Tmpfs
	Mounts            []Mount
	// Restart counts the earlier runs of this container in this task: 0 is its first.
	Restart int
	// Stdout and Stderr take the output as it comes, in pieces of any length; neither is nil. With TTY all of it
	// goes to Stdout.
	Stdout, Stderr io.Writer
}

// Ulimit is one limit of the processes in a container.
type Ulimit struct {
	Name       string // "nofile", "nproc", ...
	Soft, Hard int
}

// Tmpfs is a file system in memory.
type Tmpfs struct {
	Path    string
	SizeMiB int
	Options []string // "mode=1777", "noexec", ...
}

// BlockMount is a file system of its own on an EBS volume, which goes with the task as far as a runtime is concerned: no
// other task can get it. It is root's, its group may write, and a container of another user has that group (developer
// guide: Amazon EBS volumes, "Non-root user behavior").
type BlockMount struct {
	ID         string // "vol-0123456789abcdef0"
	SizeGiB    int
	Filesystem string // "xfs", "ext3", "ext4"
}

// Mount is a directory that containers of the same task share: those that name the same Volume.
type Mount struct {
	Volume   string // name within the task
	Path     string // in the container
	ReadOnly bool
	// One of these at most; neither: the volume is the task's own, and begins empty.
	EFS *EFSMount
	EBS *BlockMount
}
