package fargate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
)

// findFiles gives the stand-ins the files that mounts name by their subPath: a file is mounted another way than a
// directory, so that a stand-in without it would have the pod look as if it ran. What is found so takes the
// place of what was found of its field.
func (e *explainer) findFiles(pod *corev1.Pod, from fetched, standIns []Finding) []Finding {
	environment, _ := podenv.Resolve(pod, from.sources)
	containers := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	for i, expanded := range environment.Containers {
		for j, mount := range containers[i].VolumeMounts {
			key := path.Clean(expanded.SubPaths[j].Value)
			n, found := e.standInFor(pod, mount.Name, from)
			if !found || key == "." || key == ".." || strings.Contains(key, "/") || holds(pod, from, mount.Name, key) {
				continue
			}
			whole := Finding{assumed, n.field, n.assumption()}
			standIns = slices.DeleteFunc(standIns, func(f Finding) bool { return f == whole })
			n.key = key
			e.find(pod.Namespace, n, from.sources)
			standIns = append(standIns, Finding{assumed, n.field, n.assumption()})
		}
	}
	return standIns
}

// standInFor is the first field of a volume that takes all keys of what is not in the files.
func (e *explainer) standInFor(pod *corev1.Pod, volume string, from fetched) (named, bool) {
	at := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == volume })
	if at < 0 {
		return named{}, false
	}
	all := namedByVolume(pod, fmt.Sprintf("spec.volumes[%d]", at), &pod.Spec.Volumes[at], from.tokens)
	i := slices.IndexFunc(all, func(n named) bool { return n.key == "" && n.name != clusterCA && !e.has(pod.Namespace, n) })
	if i < 0 {
		return named{}, false
	}
	return all[i], true
}

// holds tells whether a volume has a file or a directory of a name already.
func holds(pod *corev1.Pod, from fetched, volume, name string) bool {
	files, _ := podfile.Resolve(podfile.Input{Pod: pod, Sources: from.sources, Account: from.account, Tokens: from.tokens})
	v := files.Of(volume)
	return v != nil && slices.ContainsFunc(v.Paths, func(p string) bool { return p == name || strings.HasPrefix(p, name+"/") })
}
