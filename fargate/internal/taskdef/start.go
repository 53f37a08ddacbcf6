package taskdef

import (
	"fmt"
	"path"
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

// needsTools tells whether some container is started by the provider's own hands.
func needsTools(in Input, l layout) bool {
	found := false
	eachContainer(in.Pod, func(c *corev1.Container, _ string) { found = found || needsStart(in, l, c) })
	return found
}

// needsStart tells whether something has to be done in a container before its command starts: its environment names the
// pod's address, it has lines for /etc/hosts, or it mounts single files, or directories of a volume that lie within
// each other. A static busybox, which is all that this takes of the image, does that and becomes the command.
func needsStart(in Input, l layout, c *corev1.Container) bool {
	return len(c.Command) > 0 && (len(l.copies[c.Name])+len(l.links[c.Name]) > 0 || len(in.Pod.Spec.HostAliases) > 0 || isAtStart(environmentOf(in, c.Name)))
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

// startWords come before the words of the container's command, which so are within the reach of overrides.
func startWords(in Input, l layout, c *corev1.Container) []string {
	return []string{"sh", "-c", startScript(in, l, c), "vk-start"}
}

// startScript lays files in place, writes the pod's address into the environment and the arguments, and becomes the
// command. The address is in the task's metadata (developer guide: "Amazon ECS task metadata endpoint version 4").
func startScript(in Input, l layout, c *corev1.Container) string {
	lines := []string{"set -eu", "b=" + toolsShell}
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, f := range l.copies[c.Name] {
		say("$b mkdir -p %s; $b cp -p -f %s %s", quoted(path.Dir(f.to)), quoted(f.from), quoted(f.to))
	}
	for _, f := range l.links[c.Name] { // a kubelet makes the directory, as open as the volume
		say("$b mkdir -p -m 777 %s %s; $b rm -r -f %s; $b ln -s %s %s", quoted(f.from), quoted(path.Dir(f.to)), quoted(f.to), quoted(f.from), quoted(f.to))
	}
	if aliases := in.Pod.Spec.HostAliases; len(aliases) > 0 {
		text := "\n# Entries added by HostAliases.\n" // kubelet's words
		for _, a := range aliases {
			text += a.IP + "\t" + strings.Join(a.Hostnames, "\t") + "\n"
		}
		say("printf %%s %s >> /etc/hosts", quoted(text))
	}
	env := environmentOf(in, c.Name)
	variables := ""
	if isAtStart(env) {
		say(`ip=$($b wget -q -O - "$ECS_CONTAINER_METADATA_URI_V4" | $b grep -o '"IPv4Addresses": *\[ *"[^"]*' | $b head -n 1 | $b sed 's/.*"//')`)
		say(`[ -n "$ip" ] || { echo "vk-start: the task's metadata names no address" >&2; exit 128; }`)
		say(`n=$#; while [ $n -gt 0 ]; do a=$1; shift; set -- "$@" "${a//%s/$ip}"; n=$((n-1)); done`, podenv.PodIP)
		for i, name := range namesAtStart(env) {
			say(`v%d=$($b awk 'BEGIN { printf "%%s", ENVIRON[ARGV[1]] }' %s)`, i, quoted(name)) // names need not be the shell's
			variables += fmt.Sprintf(` %s"${v%d//%s/$ip}"`, quoted(name+"="), i, podenv.PodIP)
		}
	}
	// The command is looked up here, or busybox would take programs of its own for those of the image.
	say(`case $1 in */*) p=$1 ;; *) p=; IFS=:; for d in $PATH; do if [ -f "$d/$1" ] && [ -x "$d/$1" ]; then p=$d/$1; break; fi; done; unset IFS ;; esac`)
	say(`[ -n "$p" ] || { echo "vk-start: $1: not found" >&2; exit 127; }`)
	say(`shift; exec $b env%s "$p" "$@"`, variables)
	return strings.Join(lines, "\n")
}
