package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/vknode"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// run is the daemon, until ctx ends.
func run(ctx context.Context, o options) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.logLevel}))
	slog.SetDefault(log)
	vknode.RouteKlog(log) // client-go logs through klog
	for _, warning := range o.warnings {
		log.Warn(warning)
	}
	config, err := providerconfig.Load(o.providerConfig)
	if err != nil {
		return err
	}
	if err := serve(ctx, o, config, log); err != nil {
		return runError{err}
	}
	return nil
}

// serve joins the provider to its node and runs both.
func serve(ctx context.Context, o options, config providerconfig.Config, log *slog.Logger) error {
	log.Info("starting", "version", version, "node", o.nodeName)
	api, err := apiServer(o)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	address, endpoint, err := addresses(o, api.Host)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	account, err := fargate.Open(ctx, config, registry, log)
	if err != nil {
		return err
	}
	object := account.Node(fargate.NodeOptions{
		Name: o.nodeName, InternalIP: address, Version: kubeletVersion(), Taint: o.taint,
	})
	node, err := vknode.New(vknode.Config{
		REST: api, Node: object, Namespace: o.namespace, Annotations: fargate.Annotations(), Workers: o.podSyncWorkers,
		KubeletAddress: net.JoinHostPort(address, strconv.Itoa(o.kubeletPort)), CertFile: o.certFile, KeyFile: o.keyFile,
		MetricsAddress: o.metricsAddress, Registry: registry, Log: log, Door: door(o, api),
	})
	if err != nil {
		return err
	}
	provider, err := fargate.New(fargate.Config{
		Account: account, Client: node.Client(), Pods: node.Pods(), Services: node.Services(), Events: node.Recorder(),
		Node: object, Metrics: registry, Log: log, Namespace: o.namespace, APIServer: endpoint,
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return provider.Run(ctx) })
	group.Go(func() error { return node.Run(ctx, provider) })
	group.Go(func() error { return awaitReady(ctx, node, o.startupTimeout) })
	return group.Wait()
}

// door says who is let in at the kubelet endpoint. The authority that has signed the API server's certificate
// is, in most clusters, also that of the certificate which the API server shows there.
func door(o options, api *rest.Config) vknode.DoorConfig {
	remember := func(ttl time.Duration) time.Duration {
		if ttl == 0 {
			return -1 // the flag's 0 is not to remember
		}
		return ttl
	}
	d := vknode.DoorConfig{
		ClientCAFile: o.clientCAFile, NoTokens: !o.tokens,
		TokenTTL: remember(o.tokenTTL), AllowTTL: remember(o.allowTTL), DenyTTL: remember(o.denyTTL),
	}
	if d.ClientCAFile == "" {
		d.ClientCAFile = api.CAFile
	}
	if d.ClientCAFile == "" && len(api.CAData) > 0 {
		d.ClientCA = api.CAData
	}
	return d
}

// awaitReady errs if it takes longer than it may until pods are taken in. 0: it may take for ever.
func awaitReady(ctx context.Context, node *vknode.Node, limit time.Duration) error {
	if limit > 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	select {
	case <-node.Ready():
		return nil
	case <-ctx.Done():
		if ctx.Err() == context.DeadlineExceeded {
			return fmt.Errorf("the node did not come up within %s (--startup-timeout); /readyz tells what it waits for", limit)
		}
		return nil
	}
}

// apiServer is how to reach the API server: the kubeconfig's way, or that of the pod we run in.
func apiServer(o options) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	overrides := &clientcmd.ConfigOverrides{}
	overrides.ClusterInfo.Server = o.master
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
}

// addresses are the node's own address and the API server's, as pods are to reach it.
func addresses(o options, server string) (node string, endpoint fargate.APIServer, err error) {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	parsed, err := url.Parse(server)
	if err != nil {
		return "", fargate.APIServer{}, fmt.Errorf("address of the API server: %w", err)
	}
	endpoint = fargate.APIServer{Host: parsed.Hostname(), Port: parsed.Port()}
	if endpoint.Port == "" {
		endpoint.Port = map[string]string{"https": "443", "http": "80"}[parsed.Scheme]
	}
	if o.nodeAddress.IsValid() {
		return o.nodeAddress.String(), endpoint, nil
	}
	// No packet is sent: connecting a UDP socket asks the routing table alone.
	probe, err := net.Dial("udp", net.JoinHostPort(endpoint.Host, endpoint.Port))
	if err != nil {
		return "", fargate.APIServer{}, fmt.Errorf("find this machine's address towards the API server (set VKUBELET_POD_IP to give it): %w", err)
	}
	defer probe.Close()
	return probe.LocalAddr().(*net.UDPAddr).IP.String(), endpoint, nil
}

// kubeletVersion is the version of Kubernetes that this binary was built with, and its own:
// v1.36.6-vk-v1.0.0. Others compare the first part with the control plane's.
func kubeletVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "k8s.io/api" {
				return strings.Replace(module.Version, "v0.", "v1.", 1) + "-vk-" + version
			}
		}
	}
	return "v1.0.0-vk-" + version
}
