package taskdef

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

const (
	resolvConf = "/etc/resolv.conf"
	vpcsOwn    = "Fargate tasks use the VPC's resolver as it is"
	ableToCopy = "have all containers name their commands and run as root, or remove it"

	// mergeResolvConf puts what the pod says after what is there, as kubelet does (pkg/kubelet/network/dns: parseResolvConf,
	// appendDNSConfig): servers and searches each once, an option in the place of one of its name. Of several search lines
	// of the file that is there the last counts. It is awk's, of busybox.
	mergeResolvConf = `$1=="nameserver"&&!n[$2]++{print}
$1=="search"||$1=="domain"{if(NR==FNR){s="";split("",q)};for(i=2;i<=NF;i++){d=$i;if(d!=".")sub(/[.]$/,"",d);if(!q[d]++)s=s" "d}}
$1=="options"{for(i=2;i<=NF;i++){k=$i;sub(/:.*/,"",k);if(!(k in o))c[++m]=k;o[k]=$i}}
END{if(s)print "search"s;if(m){printf "options";for(i=1;i<=m;i++)printf " %s",o[c[i]];print ""}}`
)

const noResolvConf = "vk_no " + resolvConf + " 'cannot be written'"

// resolver is what a pod wants of /etc/resolv.conf.
type resolver struct {
	text    string // lines of such a file; empty: nothing
	anew    bool   // nothing but these
	options bool   // there are no others than options
}

func resolverOf(pod *corev1.Pod) resolver {
	config := ptr.Deref(pod.Spec.DNSConfig, corev1.PodDNSConfig{})
	var text strings.Builder
	for _, server := range config.Nameservers {
		text.WriteString("nameserver " + server + "\n")
	}
	if len(config.Searches) > 0 {
		text.WriteString("search " + strings.Join(config.Searches, " ") + "\n")
	}
	if len(config.Options) > 0 {
		text.WriteString("options")
		for _, o := range config.Options {
			text.WriteString(" " + o.Name)
			if value := ptr.Deref(o.Value, ""); value != "" {
				text.WriteString(":" + value)
			}
		}
		text.WriteString("\n")
	}
	return resolver{text: text.String(), anew: pod.Spec.DNSPolicy == corev1.DNSNone, options: len(config.Nameservers)+len(config.Searches) == 0}
}

// isWanted tells whether the file is to be another than the VPC's.
func (r resolver) isWanted() bool { return r.anew || r.text != "" }

// isVital tells whether a pod without it would not find what it looks for; options make it find that sooner.
func (r resolver) isVital() bool { return r.isWanted() && (r.anew || !r.options) }

// writesResolvConf tells whether a container's /etc/resolv.conf is written before its command starts.
func writesResolvConf(pod *corev1.Pod, c *corev1.Container) bool {
	return resolverOf(pod).isWanted() && cannotCopy(pod, c) == ""
}

// resolvConfLines are those of the start script that write it. It is a mount of its own, so that it cannot be replaced.
func resolvConfLines(pod *corev1.Pod, c *corev1.Container) []string {
	if !writesResolvConf(pod, c) {
		return nil
	}
	r := resolverOf(pod)
	if r.anew {
		return []string{fmt.Sprintf("printf %%s %s > %s || %s", quoted(r.text), resolvConf, noResolvConf)}
	}
	merge := fmt.Sprintf("vk_d=$(printf %%s %s | $vk_b awk %s %s -)", quoted(r.text), quoted(mergeResolvConf), resolvConf)
	write := fmt.Sprintf(`printf '%%s\n' "$vk_d" > %s`, resolvConf)
	if r.isVital() {
		return []string{merge, write + " || " + noResolvConf}
	}
	return []string{fmt.Sprintf(`{ %s && %s; } || echo "vk-start: the options of dnsConfig are not set" >&2`, merge, write)}
}

// unresolved finds the containers that cannot have the resolver that the pod wants.
func unresolved(about func(resolver) bool) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		eachContainer(in.Pod, func(c *corev1.Container, _ string) {
			if r := resolverOf(in.Pod); r.isWanted() && about(r) && !writesResolvConf(in.Pod, c) {
				hits = append(hits, hit{detail: "container " + c.Name, what: vpcsOwn + ", and " + cannotCopy(in.Pod, c)})
			}
		})
		return hits
	}
}

const atStart = " when a container starts, where it names its command, runs as root and may write to its file system"

var (
	dnsPolicyRules = []rule{
		quiet("spec.dnsPolicy", Accepted, "Default and ClusterFirst alike use the VPC's resolver, which knows no cluster.local names"),
		quietCase("spec.dnsPolicy", "None", Emulated, resolvConf+" is written from dnsConfig"+atStart),
		loud("spec.dnsPolicy", "None, where that cannot be done", Refused, vpcsOwn, ableToCopy, unresolved(func(r resolver) bool { return r.anew })),
	}
	dnsConfigRules = []rule{
		quiet("spec.dnsConfig", Emulated, "added to "+resolvConf+" as kubelet does,"+atStart),
		loud("spec.dnsConfig", "nameservers or searches, where that cannot be done", Refused, vpcsOwn, ableToCopy, unresolved(func(r resolver) bool { return r.isVital() && !r.anew })),
		loud("spec.dnsConfig", "options alone, where that cannot be done", Warned, vpcsOwn, ableToCopy, unresolved(func(r resolver) bool { return !r.isVital() })),
	}
)
