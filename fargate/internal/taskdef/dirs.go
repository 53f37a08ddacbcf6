package taskdef

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// dir is a directory of a container's image with single files of volumes in it. ECS mounts directories alone, so the
// whole becomes a volume: the image's own files first, then those of the volumes over them.
type dir struct {
	volume  string // name of the ECS volume
	path    string // in the container
	sources []string
	files   []copied
}

// withDirs are the containers of the task that have such directories.
func (l layout) withDirs(in Input) []*corev1.Container {
	var containers []*corev1.Container
	eachContainer(in.Pod, func(c *corev1.Container, _ string) {
		if len(l.dirs[c.Name]) > 0 && !hasSucceeded(in.Pod, c.Name) {
			containers = append(containers, c)
		}
	})
	return containers
}

// addDir lays a file of a volume, of which source is the ECS name, into the copy of the directory around it.
func (l *layout) addDir(c *corev1.Container, source string, file copied) {
	dirs := l.dirs[c.Name]
	at := slices.IndexFunc(dirs, func(d dir) bool { return d.path == path.Dir(file.to) })
	if at < 0 {
		at = len(dirs)
		dirs = append(dirs, dir{volume: fmt.Sprintf("%s_dir_%d", c.Name, at+1), path: path.Dir(file.to)}) // Kubernetes has no underscores in names
		l.mount(c, dirs[at].volume, dirs[at].path, aws.ToBool(readOnlyRoot(c)))
	}
	dirs[at].sources, dirs[at].files = append(dirs[at].sources, source), append(dirs[at].files, file)
	l.dirs[c.Name] = dirs
}

// cannotHaveDir says why the directory around a file cannot become a volume; "": it can.
func cannotHaveDir(at mounted) string {
	file := at.mount.MountPath
	around := path.Dir(file)
	switch {
	case around == "/":
		return "it lies in the root directory"
	case slices.Contains([]string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}, file):
		return "ECS mounts a file of its own there"
	}
	for _, kernels := range []string{"/proc", "/sys", "/dev"} {
		if around == kernels || isBelow(around, kernels) {
			return "it lies in " + kernels
		}
	}
	for _, other := range at.container.VolumeMounts {
		if to := mountPath(other); to == around || isBelow(around, to) {
			return "volume " + other.Name + " is mounted above it"
		}
	}
	return ""
}

// dirsContainer runs the image of a container for as long as it takes to copy directories of it and to lay files into
// them; all that this takes of the image are the directories, for the tools are those of the helper.
func dirsContainer(in Input, l layout, c *corev1.Container) ecstypes.ContainerDefinition {
	var into, from []string
	for _, d := range l.dirs[c.Name] {
		into, from = append(into, d.volume), append(from, d.sources...)
	}
	slices.Sort(from)
	return copier(in, podid.DirsName(c.Name), c.Image, dirsScript(l, c), into, slices.Compact(from))
}

// dirsScript copies directories with their owners and modes. One that the image does not have is root's, as a kubelet
// makes it. What the container mounts below gets its place too, for in a read-only directory nobody else could make it;
// a tmpfs takes its mode from there (runc before 1.1.10).
func dirsScript(l layout, c *corev1.Container) string {
	lines := []string{"set -eu", "vk_b=" + toolsShell}
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, d := range l.dirs[c.Name] {
		from, to := quoted(d.path)+"/.", copiesPath+"/"+d.volume
		say(`$vk_b chmod 755 %s; if [ -d %s ]; then $vk_b cp -a %s %s/; $vk_b chown "$($vk_b stat -c %%u:%%g %s)" %s; $vk_b chmod "$($vk_b stat -c %%a %s)" %s; fi`, to, from, from, to, from, to, from, to)
		for _, below := range l.mountPaths(c.Name) {
			if below != d.path && isBelow(below, d.path) {
				place := quoted(to + strings.TrimPrefix(below, d.path))
				say("$vk_b mkdir -p %s; $vk_b chmod 1777 %s", place, place)
			}
		}
		for _, f := range d.files {
			file := quoted(to + "/" + path.Base(f.to))
			say("$vk_b rm -f %s; $vk_b cp -p %s %s", file, quoted(f.from), file)
		}
	}
	return strings.Join(lines, "\n")
}
