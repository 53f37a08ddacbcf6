package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// Region of the local AWS.
const Region = "us-east-1"

// daemonGrace is how long virtual-kubelet may take to end when asked to.
const daemonGrace = 20 * time.Second

// DaemonConfig says how a virtual-kubelet starts. Its zero value is the walkthrough's.
type DaemonConfig struct {
	// NodeName is the name of its node; empty: virtual-kubelet, its default.
	NodeName string
	// Settings is TOML that follows the cluster, subnets and security groups in its fargate.toml.
	Settings string
	// Args follow --provider and --provider-config on its command line, Env its environment.
	Args, Env []string
}

// Daemon is a virtual-kubelet as it runs on an EC2 instance: with a home directory that holds
// .kube/config, and beside it fargate.toml. Only the endpoint of AWS and dummy credentials are
// in its environment beyond that, and its ports, since several share this machine.
type Daemon struct {
	NodeName string
	Dir      string // its home
	Metrics  string // host and port of its /healthz, /readyz and /metrics
	stack    *Stack
	command  process.Command
	process  *process.Process
}

func (s *Stack) startFirstDaemon(ctx context.Context) (err error) {
	s.Daemon, err = s.StartDaemon(ctx, s.config.Daemon)
	return err
}

// StartDaemon starts a virtual-kubelet and returns when its node is Ready. It ends with the stack.
func (s *Stack) StartDaemon(ctx context.Context, config DaemonConfig) (*Daemon, error) {
	d := &Daemon{NodeName: config.NodeName, stack: s}
	args := []string{"--provider", "aws", "--provider-config", "fargate.toml"}
	if d.NodeName == "" {
		d.NodeName = daemonUser
	} else {
		args = append(args, "--nodename", d.NodeName)
	}
	d.Dir = filepath.Join(s.Dir, "home-"+d.NodeName)
	kubeconfig, err := s.admit(ctx, d.NodeName)
	if err != nil {
		return nil, err
	}
	if _, err := s.write(filepath.Join(filepath.Base(d.Dir), ".kube", "config"), kubeconfig); err != nil {
		return nil, err
	}
	if err := d.Configure(config.Settings); err != nil {
		return nil, err
	}
	kubelet, err := freePort(s.Site.Node)
	if err != nil {
		return nil, err
	}
	metrics, err := freePort(loopback)
	if err != nil {
		return nil, err
	}
	d.Metrics = fmt.Sprintf("127.0.0.1:%d", metrics)
	args = append(args, "--metrics-addr", d.Metrics)
	d.command = process.Command{
		Name: d.NodeName,
		Path: filepath.Join(s.config.Bin, "virtual-kubelet"),
		Args: append(args, config.Args...),
		Env:  s.environment(d.Dir, append(d.variables(kubelet), config.Env...)...),
		Dir:  d.Dir,
		Log:  filepath.Join(s.Dir, d.NodeName+".log"),
	}
	s.later(func(context.Context) error { d.Stop(); return nil })
	return d, d.Start(ctx)
}

func (d *Daemon) variables(kubelet int) []string {
	return append(environmentOf(DaemonKey, d.stack.Endpoint),
		"VKUBELET_POD_IP="+d.stack.Site.Node.String(), "KUBELET_PORT="+strconv.Itoa(kubelet))
}

// Environment is what a client of AWS needs to be one of the local AWS, who may do everything there.
func Environment(endpoint string) []string { return environmentOf(AdminKey, endpoint) }

func environmentOf(key, endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region, // the AWS CLI 1 reads only the latter
		"AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=local",
	}
}

// Configure writes its fargate.toml, for the next start: the cluster, subnets and security groups, and settings.
func (d *Daemon) Configure(settings string) error {
	toml := fmt.Sprintf("ClusterName = %q\nSubnets = [%q]\nSecurityGroups = [%q]\n%s",
		Cluster, fargatesim.DefaultSubnets[0].ID, fargatesim.DefaultSecurityGroups[0].ID, settings)
	_, err := d.stack.write(filepath.Join(filepath.Base(d.Dir), "fargate.toml"), []byte(toml))
	return err
}

// Start starts a daemon that has ended and returns when its node is Ready.
func (d *Daemon) Start(ctx context.Context) error {
	if err := d.Spawn(); err != nil {
		return err
	}
	return d.stack.untilWith(ctx, nodeLimit, "node "+d.NodeName+" is Ready", d.process, d.stack.nodeReady(d.NodeName))
}

// StartWith is Start with more on the command line, this once.
func (d *Daemon) StartWith(ctx context.Context, more ...string) error {
	usual := d.command.Args
	defer func() { d.command.Args = usual }()
	d.command.Args = append(slices.Clone(usual), more...)
	return d.Start(ctx)
}

// Spawn starts a daemon that has ended and does not wait for anything.
func (d *Daemon) Spawn() (err error) {
	d.process, err = process.Start(d.command)
	return err
}

// PID is its process id.
func (d *Daemon) PID() int { return d.process.PID() }

// Ended returns nil while it runs, else how it ended with the end of its log.
func (d *Daemon) Ended() error { return d.process.Ended() }

// Tail returns the end of its log.
func (d *Daemon) Tail() string { return d.process.Tail() }

// Log returns the path of its log.
func (d *Daemon) Log() string { return d.command.Log }

// Stop asks it to end, as Ctrl-C does, and returns when it has ended. Its tasks stay.
func (d *Daemon) Stop() {
	if d.process != nil {
		d.process.Stop(daemonGrace)
	}
}

// Kill ends it at once, as kill -9 does.
func (d *Daemon) Kill() { d.process.Kill() }
