package taskdef

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

const (
	toolsVolume = "vk_tools"     // Kubernetes has no underscores in the names of volumes
	toolsPath   = "/.vk/tools"   // where a container sees the tools
	copiesPath  = "/.vk/volumes" // the same: volumes that single files are copied from
	toolsShell  = toolsPath + "/busybox"
)

// needsTools tells whether some container is started by the provider's own hands, or files of an image are copied.
func needsTools(in Input, l layout) bool {
	found := len(l.imageVolumes())+len(l.withDirs(in)) > 0
	eachContainer(in.Pod, func(c *corev1.Container, _ string) { found = found || needsStart(in, l, c) })
	return found
}

// needsStart tells whether something has to be done in a container before its command starts: its environment names the
// pod's address, it has lines for /etc/hosts or /etc/resolv.conf, or it mounts single files, or directories of a volume that lie within
// each other. A static busybox, which is all that this takes of the image, does that and becomes the command.
func needsStart(in Input, l layout, c *corev1.Container) bool {
	return len(c.Command) > 0 && (len(l.copies[c.Name])+len(l.links[c.Name]) > 0 || len(in.Pod.Spec.HostAliases) > 0 || writesResolvConf(in.Pod, c) || isAtStart(environmentOf(in, c.Name)))
}

func isAtStart(env podenv.Container) bool {
	return len(namesAtStart(env)) > 0 || slices.ContainsFunc(slices.Concat(env.Command, env.Args), func(w podenv.Word) bool { return w.AtStart })
}

// namesAtStart are the variables that hold the stand-in for the pod's address.
func namesAtStart(env podenv.Container) []string {
	var names []string
	for _, v := range env.Variables {
		if v.AtStart {
			names = append(names, v.Name)
		}
	}
	return names
}

// startWords come before the words of the container's command, which so are within the reach of overrides. shared: they are
// those of the definition, for all replicas, and an override has the pod's own.
func startWords(in Input, l layout, c *corev1.Container, shared bool) []string {
	return []string{"sh", "-c", startScript(in, l, c, shared), "vk-start"}
}

// startScript lays links and files in place, writes the pod's address into the environment and the arguments, and becomes
// the command. The address is in the task's metadata (developer guide: "Amazon ECS task metadata endpoint version 4").
//
// The shell's own variables begin with vk_, or they would change those that the container has; PWD, OLDPWD and SHLVL,
// which the shell adds, go again. What it cannot keep are variables whose names are none for a shell: see oddNames.
func startScript(in Input, l layout, c *corev1.Container, shared bool) string {
	lines := []string{"set -eu", "vk_b=" + toolsShell}
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if len(l.links[c.Name])+len(l.copies[c.Name])+len(in.Pod.Spec.HostAliases) > 0 || resolverOf(in.Pod).isVital() {
		lines = append(lines, cannotWrite)
	}
	if len(l.links[c.Name]) > 0 {
		lines = append(lines, linkLines(l.links[c.Name], shared)...)
	}
	for _, f := range l.copies[c.Name] {
		to := quoted(f.to)
		say("$vk_b mkdir -p %s && $vk_b cp -p -f %s %s || vk_no %s 'cannot be written; mount the volume whole, at another path'", quoted(path.Dir(f.to)), quoted(f.source(shared)), to, to)
	}
	if aliases := in.Pod.Spec.HostAliases; len(aliases) > 0 {
		text := "\n# Entries added by HostAliases.\n" // kubelet's words
		for _, a := range aliases {
			text += a.IP + "\t" + strings.Join(a.Hostnames, "\t") + "\n"
		}
		say("printf %%s %s >> /etc/hosts || vk_no /etc/hosts 'cannot be written'", quoted(text))
	}
	lines = append(lines, resolvConfLines(in.Pod, c)...)
	env := environmentOf(in, c.Name)
	variables := ""
	if isAtStart(env) {
		say(`vk_i=$($vk_b timeout 10 $vk_b wget -Y off -q -O - "$ECS_CONTAINER_METADATA_URI_V4" | $vk_b grep -o '"IPv4Addresses": *\[ *"[^"]*' | $vk_b head -n 1 | $vk_b sed 's/.*"//')`)
		say(`[ -n "$vk_i" ] || { echo "vk-start: the task's metadata names no address" >&2; exit 128; }`)
		say(`vk_n=$#; while [ $vk_n -gt 0 ]; do vk_a=$1; shift; set -- "$@" "${vk_a//%s/$vk_i}"; vk_n=$((vk_n-1)); done`, podenv.PodIP)
		for _, name := range namesAtStart(env) {
			variables += fmt.Sprintf(` %s="${%s//%s/$vk_i}"`, name, name, podenv.PodIP)
		}
	}
	// The command is looked up here, or busybox would take programs of its own for those of the image.
	say(`case $1 in */*) vk_p=$1 ;; *) vk_p=; vk_r=$PATH:; while [ -n "$vk_r" ]; do vk_d=${vk_r%%%%:*}/$1; vk_r=${vk_r#*:}; if [ -f "$vk_d" ] && [ -x "$vk_d" ]; then vk_p=$vk_d; break; fi; done ;; esac`)
	say(`[ -n "$vk_p" ] || { echo "vk-start: $1: not found" >&2; exit 127; }`)
	say(`shift; exec $vk_b env -u PWD -u OLDPWD -u SHLVL%s "$vk_p" "$@"`, variables)
	return strings.Join(lines, "\n")
}

// cannotWrite ends the script for want of a path, with what root would have to know about it.
const cannotWrite = `vk_no() { vk_u=$($vk_b id -u); [ "$vk_u" = 0 ] || set -- "$1" "cannot be written by user $vk_u, who is not root; set securityContext.runAsUser: 0"; echo "vk-start: $1 $2" >&2; exit 128; }`

// linkLines lay links. What is not in the volume yet becomes a directory there, as open as the volume (kubelet's
// SafeMakeDir); what is there, be it a file, stays as it is. The command's working directory may lie where a link comes
// to be, and is found again through it, or made there, as a runtime does it.
func linkLines(links []copied, shared bool) []string {
	lines := []string{"vk_w=$(pwd)"}
	for _, f := range links {
		from, to := quoted(f.source(shared)), quoted(f.to)
		lines = append(lines, fmt.Sprintf(`[ -e %s ] || (umask 0; $vk_b mkdir -p %s)`, from, from),
			fmt.Sprintf(`$vk_b mkdir -p %s && $vk_b rm -r -f %s && $vk_b ln -s %s %s || vk_no %s 'cannot be replaced; where the image declares a VOLUME there, mount the volume at another path'`,
				quoted(path.Dir(f.to)), to, from, to, to))
	}
	return append(lines, `[ -d "$vk_w" ] || $vk_b mkdir -p "$vk_w"`, `cd "$vk_w"`)
}

// shellName is what a shell takes as the name of a variable. Others do not reach the command through one.
var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// shellsOwn are variables that busybox's shell has values of its own for, or that startScript takes away after it.
var shellsOwn = []string{"PWD", "OLDPWD", "SHLVL", "IFS", "OPTIND", "PPID"}

func isOdd(name string) bool {
	return !shellName.MatchString(name) || strings.HasPrefix(name, "vk_") || slices.Contains(shellsOwn, name)
}

// oddNames are the fields that give a variable a name that would get lost on the way through the shell.
func oddNames(in Input) []hit {
	var fields []string
	l := layoutOf(in)
	eachContainer(in.Pod, func(c *corev1.Container, _ string) {
		for _, v := range environmentOf(in, c.Name).Variables {
			if needsStart(in, l, c) && isOdd(v.Name) {
				fields = append(fields, nameField(v))
			}
		}
	})
	return atFields(fields)
}
