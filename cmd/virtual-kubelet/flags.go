package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const longHelp = `virtual-kubelet makes Amazon ECS on AWS Fargate look like a node of a Kubernetes cluster: a pod bound to that
node becomes one Fargate task.

AWS credentials, endpoints and, unless the configuration file names one, the region come from the AWS SDK's default
chain: environment, shared files, IRSA, EKS Pod Identity, instance profile.
`

const environmentHelp = `
Environment:
  KUBECONFIG                  kubeconfig, where --kubeconfig is not given
  MASTER_URI                  URL of the API server, instead of the kubeconfig's
  DEFAULT_NODE_NAME           default of --nodename
  VKUBELET_POD_IP             the node's InternalIP (default: the address this machine uses to reach the API server)
  VKUBELET_TAINT_KEY          key of the node's taint (default virtual-kubelet.io/provider)
  VKUBELET_TAINT_VALUE        its value (default aws)
  VKUBELET_TAINT_EFFECT       its effect: NoSchedule, PreferNoSchedule or NoExecute (default PreferNoSchedule)
  KUBELET_PORT                port of the kubelet endpoint (default 10250)
  APISERVER_CERT_LOCATION     certificate and key of that endpoint (default: a pair is made
  APISERVER_KEY_LOCATION        that nobody has signed)`

// newCommand is the virtual-kubelet command line. It calls run with what was given, once that has been checked.
func newCommand(version string, getenv func(string) string, run func(context.Context, options) error) *cobra.Command {
	var given raw
	cmd := &cobra.Command{
		Use:           "virtual-kubelet",
		Short:         "Run pods of a Kubernetes cluster on AWS Fargate",
		Long:          longHelp + environmentHelp,
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true, // main prints them
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := given.check(getenv)
			if err != nil {
				return err
			}
			o.warnings = append(deadFlagWarnings(cmd.Flags()), deadVariableWarnings(getenv)...)
			return run(cmd.Context(), o)
		},
	}
	given.addFlags(cmd.Flags(), getenv)
	addDeadFlags(cmd.Flags())
	cmd.AddCommand(
		newExplainCommand(getenv),
		newLineCommand("version", "Print the version of this binary", version),
		newLineCommand("providers", "List the providers this binary holds", "aws"),
	)
	return cmd
}

// addFlags adds the flags that do something, each with its default.
func (r *raw) addFlags(f *pflag.FlagSet, getenv func(string) string) {
	f.StringVar(&r.kubeconfig, "kubeconfig", "", "kubeconfig `file` (default $KUBECONFIG, then ~/.kube/config, then the pod's own service account)")
	f.StringVar(&r.provider, "provider", "aws", "the provider; there is no other than aws")
	f.StringVar(&r.providerConfig, "provider-config", "", "the provider's configuration `file`, such as fargate.toml; required")
	f.StringVar(&r.nodeName, "nodename", defaultNodeName(getenv), "name of the node")
	f.StringVar(&r.namespace, "namespace", "", "run only the pods of this namespace (default all)")
	f.StringVar(&r.operatingSystem, "os", "Linux", "operating system of the node; there is no other than Linux")
	f.StringVar(&r.taintKey, "taint", "virtual-kubelet.io/provider", "key of the node's taint; VKUBELET_TAINT_KEY overrides it")
	f.BoolVar(&r.disableTaint, "disable-taint", false, "put no taint on the node")
	f.StringVar(&r.clientCAFile, "client-verify-ca", "", "authorities whose client certificates are believed at the kubelet endpoint, a `file` (default $APISERVER_CA_CERT_LOCATION, then the kubeconfig's own)")
	f.BoolVar(&r.tokens, "authentication-token-webhook", true, "believe bearer tokens that the API server knows")
	f.DurationVar(&r.tokenTTL, "authentication-token-webhook-cache-ttl", 2*time.Minute, "how long it is remembered who bears a token")
	f.DurationVar(&r.allowTTL, "authorization-webhook-cache-authorized-ttl", 5*time.Minute, "how long it is remembered who may do what")
	f.DurationVar(&r.denyTTL, "authorization-webhook-cache-unauthorized-ttl", 30*time.Second, "how long it is remembered who may not")
	f.IntVar(&r.podSyncWorkers, "pod-sync-workers", 20, "how many pods are taken in at once")
	f.DurationVar(&r.startupTimeout, "startup-timeout", 0, "how long the node may take to come up; 0: as long as it takes")
	f.StringVar(&r.metricsAddress, "metrics-addr", ":10255", "where /healthz, /readyz and /metrics are served; empty: nowhere")
	f.StringVar(&r.logLevel, "log-level", "info", "what is logged: debug, info, warn or error")
}

// defaultNodeName knows both spellings of the variable that there have been.
func defaultNodeName(getenv func(string) string) string {
	for _, name := range []string{"DEFAULT_NODE_NAME", "DEFAULTNODE_NAME"} {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return "virtual-kubelet"
}

// newLineCommand prints one line.
func newLineCommand(use, short, line string) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
}
