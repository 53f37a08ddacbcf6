package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
)

// defaults are the options of a command line that names its configuration file and nothing else.
func defaults(change func(*options)) options {
	o := options{
		providerConfig: "fargate.toml",
		nodeName:       "virtual-kubelet",
		taint:          &corev1.Taint{Key: "virtual-kubelet.io/provider", Value: "aws", Effect: "PreferNoSchedule"},
		kubeletPort:    10250,
		tokens:         true,
		tokenTTL:       2 * time.Minute,
		allowTTL:       5 * time.Minute,
		denyTTL:        30 * time.Second,
		metricsAddress: ":10255",
		podSyncWorkers: 20,
		logLevel:       slog.LevelInfo,
	}
	if change != nil {
		change(&o)
	}
	return o
}

// parse runs the command with arguments and environment, and returns what run was given.
func parse(t *testing.T, environment map[string]string, args ...string) (options, error) {
	t.Helper()
	var got options
	cmd := newCommand("v1.2.3", func(name string) string { return environment[name] }, func(_ context.Context, o options) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SetOut(&bytes.Buffer{})
	cmd.SetErr(&bytes.Buffer{})
	err := cmd.ExecuteContext(t.Context())
	return got, err
}

func TestOptions(t *testing.T) {
	for name, row := range map[string]struct {
		reason      string
		args        string
		environment map[string]string
		want        options
	}{
		"the walkthrough": {
			reason: "the one command of the README",
			args:   "--provider aws --provider-config fargate.toml",
			want:   defaults(nil),
		},
		"no provider": {
			reason: "the original let it be left out, and its taint's value was then empty, which no toleration met",
			args:   "--provider-config fargate.toml",
			want:   defaults(nil),
		},
		"every flag": {
			reason: "each reaches its option",
			args: "--provider-config f.toml --kubeconfig k --nodename n --namespace ns --os linux --taint key " +
				"--pod-sync-workers 3 --startup-timeout 1m --metrics-addr= --log-level=WARNING",
			want: defaults(func(o *options) {
				o.providerConfig, o.kubeconfig, o.nodeName, o.namespace = "f.toml", "k", "n", "ns"
				o.taint.Key = "key"
				o.podSyncWorkers, o.startupTimeout = 3, time.Minute
				o.metricsAddress, o.logLevel = "", slog.LevelWarn
			}),
		},
		"every variable": {
			reason: "unit files and manifests of virtual-kubelets set these",
			args:   "--provider-config fargate.toml --taint overridden",
			environment: map[string]string{
				"MASTER_URI": "https://10.0.0.1:6443", "DEFAULT_NODE_NAME": "n", "KUBELET_PORT": "10260", "VKUBELET_POD_IP": "10.0.1.5",
				"VKUBELET_TAINT_KEY": "key", "VKUBELET_TAINT_VALUE": "value", "VKUBELET_TAINT_EFFECT": "NoSchedule",
				"APISERVER_CERT_LOCATION": "/c.pem", "APISERVER_KEY_LOCATION": "/k.pem",
			},
			want: defaults(func(o *options) {
				o.master, o.nodeName, o.kubeletPort = "https://10.0.0.1:6443", "n", 10260
				o.nodeAddress = netip.MustParseAddr("10.0.1.5")
				o.taint = &corev1.Taint{Key: "key", Value: "value", Effect: "NoSchedule"}
				o.certFile, o.keyFile = "/c.pem", "/k.pem"
			}),
		},
		"no taint": {
			reason:      "the flag wins over the environment",
			args:        "--provider-config fargate.toml --disable-taint",
			environment: map[string]string{"VKUBELET_TAINT_KEY": "key"},
			want:        defaults(func(o *options) { o.taint = nil }),
		},
		"the node's name": {
			reason:      "the flag wins over its variable",
			args:        "--provider-config fargate.toml --nodename flag",
			environment: map[string]string{"DEFAULTNODE_NAME": "variable"},
			want:        defaults(func(o *options) { o.nodeName = "flag" }),
		},
		"dead settings": {
			reason: "they are accepted, in each spelling, and each is told of once",
			args: "--provider-config fargate.toml --enable-node-lease --full-resync-period 1m --klog.v=4 " +
				"--trace-tag a=b --trace-tag c=d --no-verify-clients=false",
			environment: map[string]string{"OCAGENT_INSECURE": "1"},
			want: defaults(func(o *options) {
				o.warnings = []string{
					"--enable-node-lease has no effect: the node always has a lease",
					"--full-resync-period has no effect: it never made anything happen",
					"--no-verify-clients has no effect: callers of the kubelet endpoint are always verified: by certificate or by token",
					"--trace-tag has no effect: there is no tracing",
					"--klog.v has no effect: all logs go one way; --log-level sets how much",
					"OCAGENT_INSECURE has no effect: there is no tracing",
				}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, row.environment, strings.Fields(row.args)...)
			if err != nil {
				t.Fatalf("%s: %v", row.reason, err)
			}
			if diff := cmp.Diff(row.want, got, cmp.AllowUnexported(options{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}

func TestAllFaultsOfACommandLineAreToldAtOnce(t *testing.T) {
	_, err := parse(t, map[string]string{
		"KUBELET_PORT": "70000", "VKUBELET_POD_IP": "here", "VKUBELET_TAINT_EFFECT": "Never", "APISERVER_CERT_LOCATION": "/c.pem",
	}, "--provider", "azure", "--nodename", "", "--os", "Windows", "--log-level", "loud", "--pod-sync-workers", "0")
	want := `--provider: must be "aws", not "azure"
--provider-config: name the fargate.toml to use
--nodename: must not be empty
--os: must be "Linux", not "Windows"
--pod-sync-workers: must be at least 1, not 0
VKUBELET_TAINT_EFFECT: must be NoSchedule, PreferNoSchedule or NoExecute, not "Never"
VKUBELET_POD_IP: must be an IP address, not "here"
KUBELET_PORT: must be a port from 1 to 65535, not "70000"
APISERVER_CERT_LOCATION and APISERVER_KEY_LOCATION: set both, or neither to have a certificate made
--log-level: must be debug, info, warn or error, not "loud"`
	if err == nil {
		t.Fatal("want an error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownFlagsAndArgumentsAreErrors(t *testing.T) {
	for _, arg := range []string{"--no-such-flag", "nonsense"} {
		if _, err := parse(t, nil, "--provider-config", "fargate.toml", arg); err == nil {
			t.Errorf("want an error for %s", arg)
		}
	}
}

func TestHelpShowsWhatWorks(t *testing.T) {
	var out bytes.Buffer
	cmd := newCommand("v1.2.3", func(string) string { return "" }, nil)
	cmd.SetArgs([]string{"--help"})
	cmd.SetOut(&out)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--nodename", `(default "virtual-kubelet")`, "VKUBELET_TAINT_EFFECT", "completion"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %s in the help:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "klog") {
		t.Errorf("want no dead flags in the help:\n%s", out.String())
	}
}

func TestLineCommands(t *testing.T) {
	for command, want := range map[string]string{"version": "v1.2.3\n", "providers": "aws\n"} {
		var out bytes.Buffer
		cmd := newCommand("v1.2.3", func(string) string { return "" }, nil)
		cmd.SetArgs([]string{command})
		cmd.SetOut(&out)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", command, diff)
		}
	}
}
