package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// deadSetting is a flag or variable that the virtual-kubelet command or the original provider had and that does nothing
// here. It is accepted, so that unit files and manifests keep working, and each one given is warned about once.
type deadSetting struct {
	name string
	why  string
	// bare flags need no value.
	bare bool
}

const (
	noTraces  = "there is no tracing"
	noStreams = "the kubelet endpoint serves no streams yet"
	klogGone  = "all logs go one way; --log-level sets how much"
)

var deadFlags = []deadSetting{
	{name: "enable-node-lease", why: "the node always has a lease", bare: true},
	{name: "full-resync-period", why: "it never made anything happen"},
	{name: "cluster-domain", why: "tasks resolve names as their VPC does"},
	{name: "kube-api-qps", why: "calls are paced by what they are for, so that pods and heartbeats do not wait for each other"},
	{name: "kube-api-burst", why: "calls are paced by what they are for, so that pods and heartbeats do not wait for each other"},
	{name: "stream-idle-timeout", why: noStreams},
	{name: "stream-creation-timeout", why: noStreams},
	{name: "no-verify-clients", why: "callers of the kubelet endpoint are always verified: by certificate or by token", bare: true},
	{name: "trace-exporter", why: noTraces},
	{name: "trace-service-name", why: noTraces},
	{name: "trace-tag", why: noTraces},
	{name: "trace-sample-rate", why: noTraces},
	// Source: k8s.io/klog/v2, InitFlags.
	{name: "klog.add_dir_header", why: klogGone, bare: true},
	{name: "klog.alsologtostderr", why: klogGone, bare: true},
	{name: "klog.alsologtostderrthreshold", why: klogGone},
	{name: "klog.legacy_stderr_threshold_behavior", why: klogGone, bare: true},
	{name: "klog.log_backtrace_at", why: klogGone},
	{name: "klog.log_dir", why: klogGone},
	{name: "klog.log_file", why: klogGone},
	{name: "klog.log_file_max_size", why: klogGone},
	{name: "klog.logtostderr", why: klogGone, bare: true},
	{name: "klog.one_output", why: klogGone, bare: true},
	{name: "klog.skip_headers", why: klogGone, bare: true},
	{name: "klog.skip_log_headers", why: klogGone, bare: true},
	{name: "klog.stderrthreshold", why: klogGone},
	{name: "klog.v", why: klogGone},
	{name: "klog.vmodule", why: klogGone},
}

var deadVariables = []deadSetting{
	{name: "VK_TAINT_KEY", why: "help texts once named it by mistake; VKUBELET_TAINT_KEY is read"},
	{name: "ZPAGES_PORT", why: noTraces},
	{name: "JAEGER_ENDPOINT", why: noTraces},
	{name: "JAEGER_AGENT_ENDPOINT", why: noTraces},
	{name: "JAEGER_USER", why: noTraces},
	{name: "JAEGER_PASSWORD", why: noTraces},
	{name: "OCAGENT_ENDPOINT", why: noTraces},
	{name: "OCAGENT_INSECURE", why: noTraces},
}

// addDeadFlags adds them hidden, so that --help shows what works.
func addDeadFlags(f *pflag.FlagSet) {
	for _, dead := range deadFlags {
		flag := f.VarPF(new(anything), dead.name, "", "does nothing: "+dead.why)
		flag.Hidden = true
		if dead.bare {
			flag.NoOptDefVal = "true"
		}
	}
}

// deadFlagWarnings is a sentence for each dead flag that was given, in the order of the table.
func deadFlagWarnings(f *pflag.FlagSet) (warnings []string) {
	for _, dead := range deadFlags {
		if f.Changed(dead.name) {
			warnings = append(warnings, fmt.Sprintf("--%s has no effect: %s", dead.name, dead.why))
		}
	}
	return warnings
}

// deadVariableWarnings is the same for the environment.
func deadVariableWarnings(getenv func(string) string) (warnings []string) {
	for _, dead := range deadVariables {
		if getenv(dead.name) != "" {
			warnings = append(warnings, fmt.Sprintf("%s has no effect: %s", dead.name, dead.why))
		}
	}
	return warnings
}

// anything is the value of a dead flag: all that it is ever set to, as often as it likes.
type anything []string

func (a *anything) String() string { return strings.Join(*a, ",") }
func (a *anything) Type() string   { return "anything" }
func (a *anything) Set(s string) error {
	*a = append(*a, s)
	return nil
}
