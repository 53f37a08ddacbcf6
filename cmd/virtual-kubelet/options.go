package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// options are what the command line and the environment say, checked. They hold nothing of fargate.toml.
type options struct {
	// kubeconfig is the file to use; "": what client-go finds ($KUBECONFIG, ~/.kube/config, the pod's own account).
	kubeconfig string
	// master is the API server's URL, instead of the kubeconfig's; "": the kubeconfig's.
	master string
	// providerConfig is the path of fargate.toml.
	providerConfig string

	nodeName string
	// namespace is the one whose pods are run; "": all.
	namespace string
	// taint of the node; nil: none.
	taint *corev1.Taint
	// nodeAddress is the node's InternalIP; the zero Addr: the one this machine uses to reach the API server.
	nodeAddress netip.Addr
	// kubeletPort is where the API server reaches the node.
	kubeletPort int
	// certFile and keyFile are the kubelet port's pair; "": one is made.
	certFile, keyFile string
	// clientCAFile, tokens and the times are about who is let in there; clientCAFile "": the kubeconfig's authority.
	clientCAFile                string
	tokens                      bool
	tokenTTL, allowTTL, denyTTL time.Duration
	// metricsAddress serves health and metrics; "": nothing does.
	metricsAddress string

	// podSyncWorkers is how many pods are taken in at once.
	podSyncWorkers int
	// startupTimeout is how long the node may take to come up; 0: as long as it takes.
	startupTimeout time.Duration
	logLevel       slog.Level

	// warnings are sentences about what was given and has no effect; each is to be logged once.
	warnings []string
}

// raw is what the flags were set to, before it is checked.
type raw struct {
	options
	provider, operatingSystem, taintKey, logLevel string
	disableTaint                                  bool
}

// check turns what was given into options; all that is wrong is told at once. getenv is os.Getenv: a variable that is
// empty counts as unset.
func (r raw) check(getenv func(string) string) (options, error) {
	o := r.options
	var faults [5]error
	o.master = getenv("MASTER_URI")
	o.taint, faults[0] = r.taint(getenv)
	o.nodeAddress, faults[1] = nodeAddress(getenv)
	o.kubeletPort, faults[2] = kubeletPort(getenv)
	o.certFile, o.keyFile, faults[3] = kubeletPair(getenv)
	o.logLevel, faults[4] = parseLogLevel(r.logLevel)
	o.clientCAFile = cmp.Or(o.clientCAFile, getenv("APISERVER_CA_CERT_LOCATION"))
	return o, errors.Join(r.checkPlain(), errors.Join(faults[:]...))
}

// checkPlain looks at the flags that become options as they are, or none.
func (r raw) checkPlain() error {
	var faults []error
	if r.provider != "" && r.provider != "aws" {
		faults = append(faults, fmt.Errorf("--provider: must be \"aws\", not %q", r.provider))
	}
	if r.providerConfig == "" {
		faults = append(faults, errors.New("--provider-config: name the fargate.toml to use"))
	}
	if r.nodeName == "" {
		faults = append(faults, errors.New("--nodename: must not be empty"))
	}
	if !strings.EqualFold(r.operatingSystem, "linux") {
		faults = append(faults, fmt.Errorf("--os: must be \"Linux\", not %q", r.operatingSystem))
	}
	if r.podSyncWorkers < 1 {
		faults = append(faults, fmt.Errorf("--pod-sync-workers: must be at least 1, not %d", r.podSyncWorkers))
	}
	return errors.Join(faults...)
}

// taint is that of the flags, which the environment overrides, as in every virtual-kubelet.
func (r raw) taint(getenv func(string) string) (*corev1.Taint, error) {
	if r.disableTaint {
		return nil, nil
	}
	t := &corev1.Taint{
		Key:   cmp.Or(getenv("VKUBELET_TAINT_KEY"), r.taintKey),
		Value: cmp.Or(getenv("VKUBELET_TAINT_VALUE"), "aws"),
		// Manifests without a toleration must schedule, while ordinary pods prefer ordinary nodes.
		Effect: corev1.TaintEffect(cmp.Or(getenv("VKUBELET_TAINT_EFFECT"), string(corev1.TaintEffectPreferNoSchedule))),
	}
	switch t.Effect {
	case corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute:
		return t, nil
	default:
		return nil, fmt.Errorf("VKUBELET_TAINT_EFFECT: must be NoSchedule, PreferNoSchedule or NoExecute, not %q", t.Effect)
	}
}

func nodeAddress(getenv func(string) string) (netip.Addr, error) {
	written := getenv("VKUBELET_POD_IP")
	if written == "" {
		return netip.Addr{}, nil
	}
	address, err := netip.ParseAddr(written)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("VKUBELET_POD_IP: must be an IP address, not %q", written)
	}
	return address, nil
}

// defaultKubeletPort is where every kubelet listens.
const defaultKubeletPort = 10250

func kubeletPort(getenv func(string) string) (int, error) {
	written := getenv("KUBELET_PORT")
	if written == "" {
		return defaultKubeletPort, nil
	}
	port, err := strconv.ParseUint(written, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("KUBELET_PORT: must be a port from 1 to 65535, not %q", written)
	}
	return int(port), nil
}

func kubeletPair(getenv func(string) string) (certFile, keyFile string, err error) {
	certFile, keyFile = getenv("APISERVER_CERT_LOCATION"), getenv("APISERVER_KEY_LOCATION")
	if (certFile == "") != (keyFile == "") {
		return "", "", errors.New("APISERVER_CERT_LOCATION and APISERVER_KEY_LOCATION: set both, or neither to have a certificate made")
	}
	return certFile, keyFile, nil
}

// logLevels are those of slog and, mapped to them, those that virtual-kubelet had from logrus.
var logLevels = map[string]slog.Level{
	"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
	"warning": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError, "panic": slog.LevelError,
}

func parseLogLevel(written string) (slog.Level, error) {
	level, ok := logLevels[strings.ToLower(written)]
	if !ok {
		return 0, fmt.Errorf("--log-level: must be debug, info, warn or error, not %q", written)
	}
	return level, nil
}
