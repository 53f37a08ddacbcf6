// Package stack brings up a whole cluster with a Fargate of its own on this machine, and
// takes all of it down again: a genuine Kubernetes control plane, ordinary workers that
// only pretend to run containers, the local Fargate, and virtual-kubelet, the same program
// that runs on an EC2 instance.
//
// Everything is in one directory, at addresses of its own, on ports that were free, so that
// stacks run side by side. Each wait has a limit, and an error says what was waited for, with
// the end of the log of the program that kept it waiting. Nothing that the stack did not
// start or make is ended or removed, but for the remains of a stack that was killed.
package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/address"
	"github.com/virtual-kubelet/aws-fargate/hack/local/claim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/pki"
	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// closeTimeout is how long Close may take for all that is not a program of ours.
const closeTimeout = time.Minute

// Config says which stack to bring up. Its zero value with Bin and Examples is the usual one.
type Config struct {
	// Bin is the directory of the programs controlplane, standin and virtual-kubelet.
	Bin string
	// Examples is the directory of examples/: what virtual-kubelet may do in the cluster and in the local AWS.
	Examples string
	// Runtime is what runs the tasks' containers; empty: Auto.
	Runtime Runtime
	// Policies are the IAM policies of virtual-kubelet; nil: the example.
	Policies []string
	// Fargate changes the local Fargate before it starts; nil: it stays as it is.
	Fargate func(*fargatesim.Config)
	// NoWorkers leaves the ordinary nodes out: every pod is for the virtual one.
	NoWorkers bool
	// NoDaemon leaves virtual-kubelet to the caller's StartDaemon.
	NoDaemon bool
	// Daemon is how virtual-kubelet starts.
	Daemon DaemonConfig
	// Say takes one line for each thing that the user should know; nil: nobody listens.
	Say func(line string)
}

// Stack is a cluster that runs.
type Stack struct {
	Name       string       // fargate-local-1, ...: of its directory, network and containers
	Dir        string       // holds its data and logs
	Site       address.Site // where its node and tasks are
	Runtime    Runtime      // Docker or Scripted
	Kubeconfig string       // path; its user may do everything
	Kubernetes kubernetes.Interface
	Fargate    *fargatesim.Server
	Endpoint   string  // URL of the local AWS, for AWS_ENDPOINT_URL
	Daemon     *Daemon // virtual-kubelet; nil with NoDaemon

	config        Config
	authority     *pki.Authority
	claim         *claim.Claim
	etcd          string // URL
	server        string // URL of the API server
	apiServerPort int
	auditPolicy   string // path
	processes     []*process.Process
	undo          []func(context.Context) error // in the order of what they undo
}

// Start brings up a stack. Close it even if ctx has ended.
func Start(ctx context.Context, config Config) (*Stack, error) {
	if config.Say == nil {
		config.Say = func(string) {}
	}
	bin, err := filepath.Abs(config.Bin) // the programs start in directories of their own
	if err != nil {
		return nil, fmt.Errorf("find the programs: %w", err)
	}
	config.Bin = bin
	if config.Examples, err = filepath.Abs(config.Examples); err != nil {
		return nil, fmt.Errorf("find the examples: %w", err)
	}
	s := &Stack{config: config}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	steps := []func(context.Context) error{
		s.findPrograms, s.takeName, s.makeDirectory, s.startFargate, s.writeAuditPolicy, s.startEtcd, s.startAPIServer, s.startNodesAndControllers,
	}
	if !s.config.NoDaemon {
		steps = append(steps, s.startFirstDaemon)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// later registers what Close does. What was registered last is done first.
func (s *Stack) later(undo func(context.Context) error) { s.undo = append(s.undo, undo) }

// Close takes the stack down: everything it started has ended and everything it made is gone,
// or the error says what is not. It may be repeated.
func (s *Stack) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var all error
	for _, undo := range slices.Backward(s.undo) {
		all = errors.Join(all, undo(ctx))
	}
	s.undo = nil
	return all
}

// Wait blocks until ctx ends, which is no error, or until a program of the control plane ends.
func (s *Stack) Wait(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range s.processes {
		group.Go(func() error {
			select {
			case <-ctx.Done():
				return nil
			case <-p.Done():
				return p.Ended()
			}
		})
	}
	return group.Wait()
}

// findPrograms errs before anything is started if a program is not there.
func (s *Stack) findPrograms(context.Context) error {
	for _, name := range []string{"controlplane", "standin", "virtual-kubelet"} {
		if _, err := os.Stat(filepath.Join(s.config.Bin, name)); err != nil {
			return fmt.Errorf("%w: make builds the programs of the local stack", err)
		}
	}
	return nil
}

func (s *Stack) takeName(context.Context) error {
	taken, err := claim.Take()
	if err != nil {
		return err
	}
	s.claim = taken
	s.Name = fmt.Sprintf("fargate-local-%d", taken.Number)
	s.later(func(context.Context) error { taken.Release(); return nil })
	return nil
}

// makeDirectory makes the stack's directory, after removing one that a stack of the same
// name left behind. The name holds the user's number: another user's is left alone.
func (s *Stack) makeDirectory(context.Context) error {
	s.Dir = filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", s.Name, os.Getuid()))
	if err := os.RemoveAll(s.Dir); err != nil {
		return fmt.Errorf("remove what an earlier stack left: %w", err)
	}
	if err := os.Mkdir(s.Dir, 0o700); err != nil {
		return fmt.Errorf("directory of the stack: %w", err)
	}
	s.later(func(context.Context) error { return os.RemoveAll(s.Dir) })
	return os.Mkdir(filepath.Join(s.Dir, "tmp"), 0o700)
}

// write puts a file of the stack and returns its path.
func (s *Stack) write(name string, content []byte) (string, error) {
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, 0o600)
}
