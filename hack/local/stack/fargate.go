package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/address"
	"github.com/virtual-kubelet/aws-fargate/hack/local/dockerruntime"
	"github.com/virtual-kubelet/aws-fargate/hack/local/image"
)

// Runtime names what runs the containers of tasks.
type Runtime string

// The runtimes. Auto is Docker where an engine runs, else Scripted.
const (
	Auto     Runtime = "auto"
	Docker   Runtime = "docker"   // real containers
	Scripted Runtime = "scripted" // nothing runs: states, exit codes and log lines from a script
)

// Cluster is the name of the ECS cluster: what the AWS CLI uses when it is told none.
const Cluster = "default"

// startFargate chooses the runtime and the addresses, and starts the local Fargate at an endpoint.
func (s *Stack) startFargate(ctx context.Context) error {
	config := fargatesim.Config{Region: Region} // the ECS cluster is made by virtual-kubelet
	if err := s.chooseRuntime(ctx, &config); err != nil {
		return err
	}
	if s.Site.Note != "" {
		s.config.Say(s.Site.Note)
	}
	config.VPC = fargatesim.VPC{ID: fargatesim.DefaultVPC.ID, CIDR: s.Site.Tasks}
	config.Subnets = []fargatesim.Subnet{{
		ID: fargatesim.DefaultSubnets[0].ID, CIDR: s.Site.Tasks, Zone: Region + "a",
	}}
	config.FileSystems = fileSystems
	if err := s.useIAM(&config); err != nil {
		return err
	}
	if s.config.Fargate != nil {
		s.config.Fargate(&config)
	}
	metadata, err := s.listenForMetadata(&config)
	if err != nil {
		return err
	}
	s.Fargate = fargatesim.New(config)
	if metadata != nil {
		s.serveMetadata(metadata)
	}
	endpoint, err := Serve(s.Fargate, "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Endpoint = endpoint.URL
	s.later(func(context.Context) error { return endpoint.Close() })
	return nil
}

func (s *Stack) chooseRuntime(ctx context.Context, config *fargatesim.Config) error {
	if s.config.Runtime != Scripted {
		docker, err := dockerruntime.Find(ctx)
		if err == nil {
			return s.useDocker(ctx, docker, config)
		}
		if s.config.Runtime == Docker {
			return err
		}
		s.config.Say(fmt.Sprintf("no Docker engine runs here, so containers are only scripted: pods are Running but answer nothing (%v)", err))
	}
	return s.useScripts(config)
}

func (s *Stack) useScripts(config *fargatesim.Config) error {
	site, err := address.ForScripts(s.claim.Number)
	if err != nil {
		return err
	}
	s.Site, s.Runtime = site, Scripted
	config.Runtime = scripted()
	s.later(func(context.Context) error { return site.Release() })
	return nil
}

func (s *Stack) useDocker(ctx context.Context, docker *client.Client, config *fargatesim.Config) error {
	s.later(func(context.Context) error { return docker.Close() })
	if err := dockerruntime.Clear(ctx, docker, s.Name); err != nil {
		return err
	}
	site, err := address.ForContainers()
	if err != nil {
		return err
	}
	s.Site, s.Runtime = site, Docker
	clean := func(ctx context.Context) error { return removeImages(ctx, docker) }
	if err := clean(ctx); err != nil { // those of a stack that was killed
		return err
	}
	s.later(clean)
	// The network comes before the images: it tells other stacks that they are in use.
	runtime, err := dockerruntime.New(ctx, docker, s.Name, image.Pause, site.Tasks, site.Node)
	if err != nil {
		return err
	}
	s.later(runtime.Close)
	config.Runtime = runtime
	return s.makeImages(ctx, docker)
}

// removeImages removes the stand-ins when no stack uses this engine.
func removeImages(ctx context.Context, docker *client.Client) error {
	used, err := dockerruntime.InUse(ctx, docker)
	if err != nil || used {
		return err
	}
	return image.Remove(ctx, docker)
}

// makeImages makes the stand-ins that are not there.
func (s *Stack) makeImages(ctx context.Context, docker *client.Client) error {
	busybox, ok := image.Busybox()
	if !ok {
		s.config.Say("this machine has no static busybox (Debian: package busybox-static), so no stand-in of image busybox is made")
	}
	made, err := image.Ensure(ctx, docker, image.Recipes(filepath.Join(s.config.Bin, "standin"), busybox))
	if err != nil {
		return err
	}
	if len(made) > 0 {
		s.config.Say("made stand-ins, without a registry, for images that this machine does not have: " + strings.Join(made, ", "))
	}
	return nil
}

// Endpoint is a local Fargate that answers over HTTP.
type Endpoint struct {
	URL    string
	server *http.Server
	cancel context.CancelFunc
	ended  chan error // takes two answers
}

// Serve lets the Fargate live and answer at the address ("127.0.0.1:0": any free port) until Close.
func Serve(fargate *fargatesim.Server, at string) (*Endpoint, error) {
	listener, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("endpoint of the local AWS: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e := &Endpoint{
		URL: "http://" + listener.Addr().String(), server: &http.Server{Handler: fargate}, cancel: cancel, ended: make(chan error, 2),
	}
	go func() { e.ended <- fargate.Run(ctx) }()
	go func() { e.ended <- e.server.Serve(listener) }()
	return e, nil
}

// Close ends the endpoint and every container of the Fargate.
func (e *Endpoint) Close() error {
	closed := e.server.Close()
	e.cancel()
	err := errors.Join(<-e.ended, <-e.ended)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(closed, err)
}
