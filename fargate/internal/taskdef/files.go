package taskdef

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	unpackedPath = "/vk/files"   // in the container that fills volumes: where archives are unpacked, by volume
	viewsPath    = "/vk/volumes" // the same: where the task's volumes are mounted, by their ECS name
)

// needsFiles tells whether volumes must be filled before the containers start. A volume of a task begins as root's
// alone (developer guide: "Use bind mounts with Amazon ECS"), where Kubernetes lets everybody write.
func needsFiles(in Input) bool { return layoutOf(in).needsFiles(in) }

func (l layout) needsFiles(in Input) bool { return len(l.prepared(in)) > 0 || needsTools(in, l) }

// prepared are the views that the provider fills, or at least opens.
func (l layout) prepared(in Input) []view {
	var views []view
	for _, v := range l.views {
		if v.volume.EmptyDir != nil || in.Files.Of(v.volume.Name) != nil {
			views = append(views, v)
		}
	}
	return views
}

// fileVariable is one that brings files into the container that fills volumes.
type fileVariable struct {
	name    string
	archive *podfile.Archive
	stored  int // which piece, if the archive is stored
	token   *podfile.Token
}

// mountedFiles are the volumes made of files that some container mounts.
func mountedFiles(in Input, l layout) []*podfile.Volume {
	var volumes []*podfile.Volume
	for i := range in.Files.Volumes {
		v := &in.Files.Volumes[i]
		if slices.ContainsFunc(l.views, func(view view) bool { return view.volume.Name == v.Name }) {
			volumes = append(volumes, v)
		}
	}
	return volumes
}

// Tokens are those of the pod's ServiceAccount that must lie in Secrets Manager before its task starts, in the volumes'
// order. Those of volumes that are left out are none of them. Of the input all but Secrets counts.
func Tokens(in Input) []podfile.Token {
	var all []podfile.Token
	for _, v := range mountedFiles(in, layoutOf(in)) {
		all = append(all, v.Tokens...)
	}
	return all
}

// maxFiles is what the volumes of a task can hold in all, in base64. It goes through the environment of the container
// that fills them, which with the arguments has a quarter of the stack's limit (execve(2)): 2 MiB with the usual 8.
const maxFiles = 1_900_000

// tooManyFiles finds a pod of whose files that container could not even start.
func tooManyFiles(in Input) []hit {
	length := 0
	var names []string
	for _, v := range mountedFiles(in, layoutOf(in)) {
		for _, a := range v.Archives {
			length += a.Length
		}
		names = append(names, v.Name)
	}
	if length <= maxFiles {
		return nil
	}
	return []hit{{what: fmt.Sprintf("the files of the volumes %s take %d bytes, packed, and %d find their way into a task", strings.Join(names, ", "), length, maxFiles)}}
}

// fileVariables are those of the volumes that the pod's containers mount, in the volumes' order, by volume.
func fileVariables(in Input, l layout, visit func(volume *podfile.Volume, list []fileVariable)) {
	n := 0
	next := func(kind string) string {
		n++
		return fmt.Sprintf("VK_%s_%d", kind, n)
	}
	for _, v := range mountedFiles(in, l) {
		for j := range v.Archives {
			a := &v.Archives[j]
			var list []fileVariable
			for piece := range max(1, len(a.Stored)) {
				list = append(list, fileVariable{name: next("FILES"), archive: a, stored: piece})
			}
			visit(v, list)
		}
		for j := range v.Tokens {
			visit(v, []fileVariable{{name: next("TOKEN"), token: &v.Tokens[j]}})
		}
	}
}

// filesContainer fills the pod's volumes and ends, before any other container starts.
func filesContainer(in Input, l layout, chosen contents) ecstypes.ContainerDefinition {
	d := ecstypes.ContainerDefinition{
		Name: aws.String(podid.FilesName), Image: aws.String(in.Settings.HelperImage), Essential: aws.Bool(false),
		EntryPoint: []string{"sh"}, Command: []string{"-c", filesScript(in, l)}, User: aws.String("0:0"),
		StopTimeout: aws.Int32(minStopTimeout), LogConfiguration: logConfiguration(in),
	}
	for _, v := range l.prepared(in) {
		d.MountPoints = append(d.MountPoints, ecstypes.MountPoint{SourceVolume: aws.String(v.name), ContainerPath: aws.String(viewsPath + "/" + v.name)})
	}
	if needsTools(in, l) {
		d.MountPoints = append(d.MountPoints, ecstypes.MountPoint{SourceVolume: aws.String(toolsVolume), ContainerPath: aws.String(viewsPath + "/" + toolsVolume)})
	}
	fileVariables(in, l, func(_ *podfile.Volume, list []fileVariable) {
		for _, v := range list {
			switch {
			case v.token != nil:
				d.Secrets = append(d.Secrets, secret(v.name, v.token.Stored, in))
			case len(v.archive.Stored) > 0:
				d.Secrets = append(d.Secrets, secret(v.name, v.archive.Stored[v.stored], in))
			case !v.archive.PerPod || chosen.private:
				d.Environment = append(d.Environment, pair(v.name, v.archive.Data))
			}
		}
	})
	return d
}

// filesOverride is what differs between replicas.
func filesOverride(in Input, l layout) ecstypes.ContainerOverride {
	override := ecstypes.ContainerOverride{Name: aws.String(podid.FilesName)}
	fileVariables(in, l, func(_ *podfile.Volume, list []fileVariable) {
		for _, v := range list {
			if v.archive != nil && v.archive.PerPod {
				override.Environment = append(override.Environment, pair(v.name, v.archive.Data))
			}
		}
	})
	return override
}

// filesScript is what the container does, for the shell and the tools of busybox. Files are unpacked aside, each volume
// on its own, and copied to wherever a part of it is mounted.
func filesScript(in Input, l layout) string {
	lines := []string{"set -euo pipefail", "umask 022",
		`unpack() { base64 -d | gunzip | tar -x -p -m -C "$1"; }`}
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, v := range mountedFiles(in, l) {
		say("mkdir -p %s", unpackedPath+"/"+sharedName(in.Pod, v.Name))
	}
	fileVariables(in, l, func(volume *podfile.Volume, list []fileVariable) {
		to := unpackedPath + "/" + sharedName(in.Pod, volume.Name)
		if t := list[0].token; t != nil {
			file := quoted(to + "/" + path.Clean(t.Path))
			say("mkdir -p %s", quoted(path.Dir(to+"/"+path.Clean(t.Path))))
			say(`printf %%s "$%s" > %s; chmod %o %s; chown %d:%d %s`, list[0].name, file, t.Mode, file, t.UID, t.GID, file)
			return
		}
		var values []string
		for _, v := range list {
			values = append(values, `"$`+v.name+`"`)
		}
		say("printf %s %s | unpack %s", strings.Repeat("%s", len(values)), strings.Join(values, " "), to)
	})
	gid, mode := podfile.Root(in.Pod)
	for _, v := range l.prepared(in) {
		at := viewsPath + "/" + v.name
		if in.Files.Of(v.volume.Name) != nil {
			from := quoted(path.Join(unpackedPath, sharedName(in.Pod, v.volume.Name), v.subPath))
			say("mkdir -p %s; cp -a %s/. %s/", from, from, at)
		}
		say("chown 0:%d %s; chmod %o %s", gid, at, mode, at)
	}
	if needsTools(in, l) {
		say("cp /bin/busybox %s/%s/busybox", viewsPath, toolsVolume)
	}
	return strings.Join(lines, "\n")
}

// quoted is a text as one word of the shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
