// Package podfile works out what the volumes of a pod hold before its containers start: the files of configMap, secret,
// downwardAPI and projected volumes, with the owners and modes that a kubelet gives them.
//
// It never fetches anything: References says which ConfigMaps and Secrets the volumes name, the caller brings them,
// Resolve reads them. Files travel as archives, gzipped tars in base64 with paths relative to the volume, one for each
// kind of content, because each kind travels another way:
//
//	what all replicas share        in the task definition; beyond 16 KiB a pod as Documents, for a definition holds 64 KiB
//	what differs between replicas  in the overrides
//	what a Secret holds            as a Document, one archive a Secret, so that pods that mount it alike share it
//	a ServiceAccount's token       not here: a Token says which, and the roof asks for it
//
// A Document is addressed by where its content comes from and how it is laid out, never by what a Secret holds.
package podfile

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// Input is a pod and what its volumes are made of.
type Input struct {
	Pod     *corev1.Pod
	Sources podenv.Sources
	Account *corev1.ServiceAccount // the pod's; nil: there is none
	Tokens  bool                   // fill the volume that the API server adds by itself for the ServiceAccount's token; false: it is left out
}

// Files is what the volumes of a pod hold. The zero value: no volume holds any.
type Files struct {
	Volumes   []Volume // those that are made of files, in the pod's order
	documents []podenv.Document
}

// Volume is one volume made of files.
type Volume struct {
	Name     string
	Paths    []string // of its files, slash-separated and relative, sorted
	Archives []Archive
	Tokens   []Token
}

// Archive is some of a volume's files.
type Archive struct {
	Data   string          // a gzipped tar in base64; empty if Stored
	Length int             // of Data, wherever it lies
	PerPod bool            // it differs between replicas of one template
	Stored []podenv.Stored // where Data lies in Secrets Manager, piece by piece
	Field  string          // the field that names the first of the sources
}

// Token is a file that holds a token of the pod's ServiceAccount. Pods of the account share what is Stored, for it names
// the account and the audience, and its value is renewed in its place.
type Token struct {
	Path              string
	Mode              int64 // permission bits
	UID, GID          int64
	Audience          string // empty: the API server's own
	ExpirationSeconds int64  // to be asked for
	Stored            podenv.Stored
	Field             string
}

// KeyToken is where a Stored token is.
const KeyToken = "token"

// Documents are what must lie in Secrets Manager before the task starts.
func (f Files) Documents() []podenv.Document { return f.documents }

// Of finds a volume by name; nil: none of its name is made of files.
func (f Files) Of(volume string) *Volume {
	i := slices.IndexFunc(f.Volumes, func(v Volume) bool { return v.Name == volume })
	if i < 0 {
		return nil
	}
	return &f.Volumes[i]
}

// IsFile tells whether a path within the volume is a file of its own, and no directory.
func (v Volume) IsFile(path string) bool {
	_, found := slices.BinarySearch(v.Paths, path)
	return found
}

// file is one file before it is packed.
type file struct {
	path    string
	mode    int64
	content []byte
	secret  *corev1.Secret // whose content it is; nil: nobody's secret
	key     string         // of that Secret
	perPod  bool
	field   string
}

// Resolve returns the files of the pod's volumes and every problem met on the way, in the order of the fields. The same
// input gives the same answer, byte for byte.
func Resolve(in Input) (Files, []podenv.Problem) {
	r := resolver{in: in, owner: ownerOf(in.Pod)}
	var files Files
	for i := range in.Pod.Spec.Volumes {
		v := &in.Pod.Spec.Volumes[i]
		if !isMadeOfFiles(v) || IsTokenVolume(in.Pod, v) && !in.Tokens || !IsMounted(in.Pod, v.Name) {
			continue
		}
		list, tokens := r.ofVolume(i, v)
		archives, documents := r.pack(list)
		files.documents = append(files.documents, documents...)
		files.Volumes = append(files.Volumes, Volume{Name: v.Name, Paths: paths(list, tokens), Archives: archives, Tokens: tokens})
	}
	slices.SortFunc(files.documents, func(a, b podenv.Document) int { return strings.Compare(string(a.Address), string(b.Address)) })
	files.documents = slices.CompactFunc(files.documents, func(a, b podenv.Document) bool { return a.Address == b.Address })
	return files, r.problems
}

// Unsupported returns the problems that refuse the pod, whatever its sources hold.
func Unsupported(pod *corev1.Pod) []podenv.Problem {
	_, problems := Resolve(Input{Pod: pod})
	return slices.DeleteFunc(problems, func(p podenv.Problem) bool { return p.Effect != podenv.Refuses })
}

func isMadeOfFiles(v *corev1.Volume) bool {
	return v.ConfigMap != nil || v.Secret != nil || v.DownwardAPI != nil || v.Projected != nil
}

// IsMounted tells whether some container mounts a volume. A kubelet passes over those that none does, and what they are
// made of need not exist (pkg/kubelet/volumemanager: desired state of the world).
func IsMounted(pod *corev1.Pod, volume string) bool {
	return slices.ContainsFunc(containersOf(pod), func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
	})
}

// What the volume with the ServiceAccount's token looks like (plugin/pkg/admission/serviceaccount).
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

var tokenVolume = regexp.MustCompile(`^kube-api-access-[A-Za-z0-9]{5}$`) // in capitals where explain makes them up

// IsTokenVolume tells whether the API server added the volume by itself to give the pod its ServiceAccount's token
// (admission plugin ServiceAccount). Its name is different for every pod.
//
// An author's own volume of such a name does not count: the plugin's ends in five characters, and is mounted at one path.
func IsTokenVolume(pod *corev1.Pod, v *corev1.Volume) bool {
	isElsewhere := slices.ContainsFunc(containersOf(pod), func(c corev1.Container) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name && m.MountPath != tokenPath })
	})
	return v.Projected != nil && tokenVolume.MatchString(v.Name) && !isElsewhere && slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool {
		return s.ServiceAccountToken != nil && s.ServiceAccountToken.Audience == "" && s.ServiceAccountToken.Path == "token"
	})
}

func paths(files []file, tokens []Token) []string {
	all := map[string]bool{}
	for _, f := range files {
		all[f.path] = true
	}
	for _, t := range tokens {
		all[t.Path] = true
	}
	return slices.Sorted(maps.Keys(all))
}
