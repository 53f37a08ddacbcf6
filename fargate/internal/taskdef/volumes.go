package taskdef

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
)

// view is what ECS mounts as one volume. ECS mounts volumes as a whole, so that each directory of a volume that a pod
// mounts by subPath becomes a volume of its own.
type view struct {
	name    string // of the ECS volume
	volume  *corev1.Volume
	subPath string // clean; empty: the whole volume
}

// layout says where each of a pod's volumeMounts comes from.
type layout struct {
	views  []view
	mounts map[string][]ecstypes.MountPoint // by container
	tmpfs  map[string][]ecstypes.Tmpfs      // by container
	copies map[string][]copied              // by container
	links  map[string][]copied              // by container
	dirs   map[string][]dir                 // by container
	faults []fault
	own    string // the field of a mount that no other replica has, and no override can say; empty: none

	sparing bool // of containers: single files are copied by the pod's own wherever they can be
}

// copied is a file, or by a link a directory, that a container wants by itself, and that must be laid where it is wanted
// when the container starts.
type copied struct {
	from, to string
	written  string // from, as the pod's author wrote it, where that differs between replicas; else empty
}

// source is where it comes from, in the definition that replicas share or for the pod itself.
func (c copied) source(shared bool) string {
	if shared && c.written != "" {
		return c.written
	}
	return c.from
}

// fault is a mount that cannot be had.
type fault struct{ field, what string }

func (f fault) hit() hit { return hit{field: f.field, what: f.what} }

// layoutOf places the volumes of a pod, in as many containers as a task has.
func layoutOf(in Input) layout {
	l := laidOut(in, false)
	if containerCount(in, l) <= maxContainers || len(l.dirs) == 0 {
		return l
	}
	return laidOut(in, true)
}

func laidOut(in Input, sparing bool) layout {
	l := layout{sparing: sparing, mounts: map[string][]ecstypes.MountPoint{}, tmpfs: map[string][]ecstypes.Tmpfs{}, copies: map[string][]copied{}, links: map[string][]copied{}, dirs: map[string][]dir{}}
	eachContainer(in.Pod, func(c *corev1.Container, at string) {
		paths := environmentOf(in, c.Name).SubPaths
		for i, m := range c.VolumeMounts {
			volume := volumeNamed(in.Pod, m.Name)
			if volume == nil || isLeftOut(in, volume) {
				continue
			}
			m.MountPath = mountPath(m)
			at := mounted{container: c, mount: m, field: fmt.Sprintf("%s.volumeMounts[%d]", at, i), subPath: m.SubPath}
			if i < len(paths) {
				at.subPath, at.perPod = paths[i].Value, paths[i].PerPod
			}
			at.subPath = cleanSubPath(at.subPath)
			l.place(in, volume, at)
		}
	})
	eachContainer(in.Pod, func(c *corev1.Container, _ string) {
		if needsStart(in, l, c) {
			l.mount(c, toolsVolume, toolsPath, true)
		}
		// What lies within another comes after it, whether or not whoever mounts them sees to that.
		slices.SortFunc(l.mounts[c.Name], func(a, b ecstypes.MountPoint) int { return cmp.Compare(*a.ContainerPath, *b.ContainerPath) })
		slices.SortFunc(l.tmpfs[c.Name], func(a, b ecstypes.Tmpfs) int { return cmp.Compare(*a.ContainerPath, *b.ContainerPath) })
	})
	return l
}

// mountPath is where a volume is mounted: absolute, as a kubelet makes it, and clean, for ECS compares what is written.
func mountPath(m corev1.VolumeMount) string { return path.Join("/", m.MountPath) }

// sameMountPaths finds mounts at the path of another, written in another way, or the API server would not take them.
func sameMountPaths(in Input) []hit {
	return inContainers(func(in Input, c *corev1.Container) []hit {
		var hits []hit
		taken := map[string]string{}
		for i, m := range c.VolumeMounts {
			if volume := volumeNamed(in.Pod, m.Name); volume == nil || isLeftOut(in, volume) {
				continue
			}
			at := mountPath(m)
			if other, found := taken[at]; found {
				hits = append(hits, hit{at: []int{i}, what: fmt.Sprintf("volume %s is mounted at %s too, and ECS mounts one volume at a path", other, at)})
			}
			taken[at] = m.Name
		}
		return hits
	})(in)
}

// eachContainer visits the containers in their order; at is spec.containers[0] and the like.
func eachContainer(pod *corev1.Pod, visit func(c *corev1.Container, at string)) {
	for i := range pod.Spec.InitContainers {
		visit(&pod.Spec.InitContainers[i], fmt.Sprintf("spec.initContainers[%d]", i))
	}
	for i := range pod.Spec.Containers {
		visit(&pod.Spec.Containers[i], fmt.Sprintf("spec.containers[%d]", i))
	}
}

func volumeNamed(pod *corev1.Pod, name string) *corev1.Volume {
	i := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &pod.Spec.Volumes[i]
}

// isLeftOut tells whether a volume that others have added to the pod is not needed on Fargate.
func isLeftOut(in Input, v *corev1.Volume) bool {
	return podfile.IsTokenVolume(in.Pod, v) && in.Files.Of(v.Name) == nil || isWebhookVolume(v) && taskRole(in) != ""
}

func cleanSubPath(subPath string) string {
	if clean := path.Clean(subPath); clean != "." {
		return clean
	}
	return ""
}

// mounted is one mount of a container.
type mounted struct {
	container *corev1.Container
	mount     corev1.VolumeMount // at a path that is absolute and clean
	field     string             // spec.containers[0].volumeMounts[1]
	subPath   string             // expanded and clean
	perPod    bool               // it differs between replicas
}

// place finds room for one mount.
func (l *layout) place(in Input, volume *corev1.Volume, at mounted) {
	c, m, files := at.container, at.mount, in.Files.Of(volume.Name)
	switch {
	case inMemory(in.Pod, volume):
		l.tmpfs[c.Name] = append(l.tmpfs[c.Name], ecstypes.Tmpfs{
			ContainerPath: aws.String(m.MountPath), Size: tmpfsMiB(in, c, volume),
			MountOptions: []string{"rw", "exec", "nosuid", "nodev", "mode=1777"}, // the engine's own would forbid programs in it
		})
	case files != nil && at.subPath != "" && files.IsFile(at.subPath):
		l.placeFile(in, volume, at)
	case at.subPath != "" && overlaps(in, volume):
		// As volumes of their own, directories within each other would not show what is written into the other.
		name := l.view(in.Pod, volume, "")
		whole := copiesPath + "/" + name
		l.mount(c, name, whole, false)
		l.links[c.Name] = append(l.links[c.Name], at.copied(whole))
		l.refuse(at, fmt.Sprintf("volume %s is mounted at %q and at a directory above or below, so that it would be linked when the container starts, but", volume.Name, at.subPath),
			cannotCopy(in.Pod, c), linkedInto(at))
	default:
		readOnly := m.ReadOnly || files != nil || volume.Image != nil
		if fs, _ := fileSystemOf(in, volume); fs != nil {
			readOnly = readOnly || fs.readOnly
			l.refuse(at, "volume "+volume.Name+":", fs.cannotNarrow(at.subPath))
		}
		if volume.EmptyDir == nil { // of that the definition names no path
			l.keep(at)
		}
		l.mount(c, l.view(in.Pod, volume, at.subPath), m.MountPath, readOnly)
	}
}

// placeFile finds room for a single file. It is copied by the container itself when it starts, which costs nothing, where
// that runs as root for certain; else before the container starts, into a copy of the directory around it. Where that
// cannot be, the user of the image, if it is he, is trusted with the copy: he may be root.
func (l *layout) placeFile(in Input, volume *corev1.Volume, at mounted) {
	c, name := at.container, l.view(in.Pod, volume, "")
	whole := copiesPath + "/" + name
	file := at.copied(whole)
	noCopy, noDir := cmp.Or(cannotCopy(in.Pod, c), copiedInto(in, at)), cannotHaveDir(at)
	switch isRoot := runAsUser(in.Pod, c) != nil; {
	case noCopy == "" && (isRoot || l.sparing || noDir != ""):
		l.mount(c, name, whole, true)
		l.copies[c.Name] = append(l.copies[c.Name], file)
		return
	case noDir == "":
		l.addDir(c, name, file)
		l.keep(at)
		return
	case noCopy != noDir:
		noCopy += ", and " + noDir
	}
	l.refuse(at, fmt.Sprintf("volume %s: %s is a file, and ECS mounts directories alone; it would be copied when the container starts, but", volume.Name, at.subPath), noCopy)
}

// copied is what is mounted, in the volume that is seen at whole.
func (m mounted) copied(whole string) copied {
	c := copied{from: whole + "/" + m.subPath, to: m.mount.MountPath}
	if m.perPod {
		c.written = whole + "/" + m.mount.SubPathExpr
	}
	return c
}

// keep notes that the definition names what this mount has of its volume.
func (l *layout) keep(at mounted) {
	if at.perPod && l.own == "" {
		l.own = at.field + ".subPathExpr"
	}
}

// refuse notes that a mount cannot be had, for the first of the reasons that there is.
func (l *layout) refuse(at mounted, what string, reasons ...string) {
	for _, reason := range reasons {
		if reason != "" {
			l.faults = append(l.faults, fault{at.field + ".subPath", what + " " + reason})
			return
		}
	}
}

// copiedInto says whose files a copy would overwrite: a kubelet mounts the file over them and leaves them alone.
func copiedInto(in Input, at mounted) string {
	for _, other := range at.container.VolumeMounts {
		volume := volumeNamed(in.Pod, other.Name)
		if to := mountPath(other); to != at.mount.MountPath && isBelow(at.mount.MountPath, to) && (volume == nil || volume.EmptyDir == nil || other.ReadOnly) {
			return "volume " + other.Name + " is mounted above it"
		}
	}
	return ""
}

// linkedInto says what a link would hide, or lie in.
func linkedInto(at mounted) string {
	if at.mount.ReadOnly {
		return "a link cannot be read-only"
	}
	for _, other := range at.container.VolumeMounts {
		a, b := at.mount.MountPath, mountPath(other)
		if a != b && (isBelow(a, b) || isBelow(b, a)) {
			return "volume " + other.Name + " is mounted above or below it"
		}
	}
	return ""
}

// cannotCopy says why a file cannot be laid into a container before its command starts; "": it can.
func cannotCopy(pod *corev1.Pod, c *corev1.Container) string {
	user := runAsUser(pod, c)
	switch {
	case len(c.Command) == 0:
		return "the container does not name its command"
	case user != nil && *user != 0, user == nil && mustNotBeRoot(pod, c):
		return "the container does not run as root"
	case readOnlyRoot(c) != nil:
		return "the container's file system is read-only"
	}
	return ""
}

func (l *layout) mount(c *corev1.Container, name, at string, readOnly bool) {
	p := ecstypes.MountPoint{SourceVolume: aws.String(name), ContainerPath: aws.String(at), ReadOnly: setOnly(readOnly)}
	if !slices.ContainsFunc(l.mounts[c.Name], func(m ecstypes.MountPoint) bool { return *m.ContainerPath == at }) {
		l.mounts[c.Name] = append(l.mounts[c.Name], p)
	}
}

// mountPaths are the paths at which a container has mounts.
func (l layout) mountPaths(container string) []string {
	var paths []string
	for _, m := range l.mounts[container] {
		paths = append(paths, *m.ContainerPath)
	}
	for _, m := range l.tmpfs[container] {
		paths = append(paths, *m.ContainerPath)
	}
	return paths
}

// view returns the ECS volume for a directory of a volume. Its name does not hold the path, which may differ between
// replicas that shall share a definition.
func (l *layout) view(pod *corev1.Pod, volume *corev1.Volume, subPath string) string {
	same, others := "", 0
	for _, v := range l.views {
		switch {
		case v.volume != volume:
		case v.subPath == subPath:
			same = v.name
		case v.subPath != "":
			others++
		}
	}
	if same != "" {
		return same
	}
	name := sharedName(pod, volume.Name)
	if subPath != "" {
		name += "_" + strconv.Itoa(others+1)
	}
	l.views = append(l.views, view{name, volume, subPath})
	return name
}

// sharedName is the name of a volume by which all replicas have it: that of the API server's own ends at random.
func sharedName(pod *corev1.Pod, volume string) string {
	own := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return podfile.IsTokenVolume(pod, &v) })
	if own >= 0 && pod.Spec.Volumes[own].Name == volume {
		return "kube-api-access_" // Kubernetes has no underscores in the names of volumes
	}
	return volume
}

// overlaps tells whether an empty volume is mounted at directories of which one lies within another. Files that are
// there from the beginning are in both, and a file system is one.
func overlaps(in Input, volume *corev1.Volume) bool {
	if volume.EmptyDir == nil {
		return false
	}
	var paths []string
	eachContainer(in.Pod, func(c *corev1.Container, _ string) {
		expanded := environmentOf(in, c.Name).SubPaths
		for i, m := range c.VolumeMounts {
			switch {
			case m.Name != volume.Name:
			case i < len(expanded):
				paths = append(paths, cleanSubPath(expanded[i].Value))
			default:
				paths = append(paths, cleanSubPath(m.SubPath))
			}
		}
	})
	return slices.ContainsFunc(paths, func(a string) bool {
		return slices.ContainsFunc(paths, func(b string) bool { return a != b && isBelow(a, b) })
	})
}

func isBelow(inner, outer string) bool {
	return outer == "" || strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}

// inMemory tells whether a volume can be a tmpfs: that is a container's own, so that no second may mount the volume.
func inMemory(pod *corev1.Pod, v *corev1.Volume) bool {
	return v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory && !isShared(pod, v)
}

// isShared tells whether a volume is mounted more than once, or only in part.
func isShared(pod *corev1.Pod, v *corev1.Volume) bool {
	n, part := mountsOf(pod, v.Name)
	return n > 1 || part
}

// mountsOf counts the mounts of a volume, and tells whether one is of a part of it.
func mountsOf(pod *corev1.Pod, volume string) (n int, part bool) {
	eachContainer(pod, func(c *corev1.Container, _ string) {
		for _, m := range c.VolumeMounts {
			if m.Name == volume {
				n++
				part = part || m.SubPath != "" || m.SubPathExpr != ""
			}
		}
	})
	return n, part
}

// tmpfsMiB is the volume's limit, else the container's limit of memory, which it counts against, else the task's memory.
func tmpfsMiB(in Input, c *corev1.Container, v *corev1.Volume) int32 {
	if limit := v.EmptyDir.SizeLimit; limit != nil && !limit.IsZero() {
		return int32(mebibytes(*limit))
	}
	if limit := limitMiB(&c.Resources); limit > 0 {
		return int32(limit)
	}
	size, _ := size(in.Pod, in.Settings)
	return int32(max(size.MemoryMiB, 1))
}

// definitionVolumes are the ECS volumes of the views.
func (l layout) definitionVolumes(in Input) []ecstypes.Volume {
	var volumes []ecstypes.Volume
	for _, v := range l.views {
		volume := ecstypes.Volume{Name: aws.String(v.name)}
		switch fs, _ := fileSystemOf(in, v.volume); {
		case fs != nil:
			volume.EfsVolumeConfiguration = fs.ecs(v.subPath)
		case isOnEBS(in.Pod, v.volume):
			volume.ConfiguredAtLaunch = aws.Bool(true)
		default:
			volume.Host = &ecstypes.HostVolumeProperties{}
		}
		volumes = append(volumes, volume)
	}
	for _, c := range l.withDirs(in) {
		for _, d := range l.dirs[c.Name] {
			volumes = append(volumes, ecstypes.Volume{Name: aws.String(d.volume), Host: &ecstypes.HostVolumeProperties{}})
		}
	}
	if needsTools(in, l) {
		volumes = append(volumes, ecstypes.Volume{Name: aws.String(toolsVolume), Host: &ecstypes.HostVolumeProperties{}})
	}
	return volumes
}
