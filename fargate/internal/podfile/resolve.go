package podfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// ReasonFailedMount is kubelet's, of a volume that cannot be filled.
const ReasonFailedMount = "FailedMount"

// What a volume gives its files where it says nothing; the API server's defaults.
const (
	defaultMode         = 0o644
	defaultTokenSeconds = 3600
)

// leastTokenSeconds is what is asked for at least: nobody renews a token inside a task, so that it should last as long as
// the API server grants. A kubelet asks for an hour and comes back.
const leastTokenSeconds = 24 * 3600

// resolver works through the volumes in order.
type resolver struct {
	in       Input
	owner    owner
	problems []podenv.Problem
	inline   int // how much of all volumes' archives is to lie in the definition, in base64

	field  string // of the volume in hand
	volume string // its name
	files  []file
	tokens []Token
}

// ofVolume returns the files of one volume; a later one of the same path takes the place of an earlier.
func (r *resolver) ofVolume(i int, v *corev1.Volume) ([]file, []Token) {
	r.volume, r.files, r.tokens = v.Name, nil, nil
	r.field = fmt.Sprintf("spec.volumes[%d]", i)
	switch {
	case v.ConfigMap != nil:
		r.field += ".configMap"
		r.configMap(v.ConfigMap.Name, v.ConfigMap.Items, ptr.Deref(v.ConfigMap.Optional, false), modeOf(v.ConfigMap.DefaultMode))
	case v.Secret != nil:
		r.field += ".secret"
		r.secret(v.Secret.SecretName, v.Secret.Items, ptr.Deref(v.Secret.Optional, false), modeOf(v.Secret.DefaultMode))
	case v.DownwardAPI != nil:
		r.field += ".downwardAPI"
		r.downward(v.DownwardAPI.Items, modeOf(v.DownwardAPI.DefaultMode))
	case v.Projected != nil:
		for n := range v.Projected.Sources {
			r.field = fmt.Sprintf("spec.volumes[%d].projected.sources[%d]", i, n)
			r.projected(&v.Projected.Sources[n], modeOf(v.Projected.DefaultMode))
		}
	}
	last := map[string]int{}
	for n, f := range r.files {
		if f.path == "" {
			continue // the volume itself, which the API server refuses
		}
		last[f.path] = n
	}
	kept := r.files[:0:0]
	for _, path := range slices.Sorted(maps.Keys(last)) {
		kept = append(kept, r.files[last[path]])
	}
	return kept, r.tokens
}

func modeOf(mode *int32) int64 { return int64(ptr.Deref(mode, defaultMode)) }

func (r *resolver) projected(source *corev1.VolumeProjection, mode int64) {
	switch {
	case source.ConfigMap != nil:
		r.field += ".configMap"
		r.configMap(source.ConfigMap.Name, source.ConfigMap.Items, ptr.Deref(source.ConfigMap.Optional, false), mode)
	case source.Secret != nil:
		r.field += ".secret"
		r.secret(source.Secret.Name, source.Secret.Items, ptr.Deref(source.Secret.Optional, false), mode)
	case source.DownwardAPI != nil:
		r.field += ".downwardAPI"
		r.downward(source.DownwardAPI.Items, mode)
	case source.ServiceAccountToken != nil:
		r.field += ".serviceAccountToken"
		r.token(source.ServiceAccountToken, mode)
	}
}

func (r *resolver) token(t *corev1.ServiceAccountTokenProjection, mode int64) {
	if !r.isUsable(r.field, t.Path) {
		return
	}
	account := r.in.Account
	if account == nil {
		r.problem(podenv.Waits, ReasonFailedMount, "serviceaccount %q not found", r.in.Pod.Spec.ServiceAccountName)
		return
	}
	seconds := max(ptr.Deref(t.ExpirationSeconds, defaultTokenSeconds), leastTokenSeconds)
	address := podenv.Address(podenv.Segment(r.in.Pod.Namespace) + "/serviceaccount/" + account.Name + "/" + string(account.UID) + "/" + digest(strconv.FormatInt(seconds, 10)+":"+t.Audience))
	r.tokens = append(r.tokens, Token{
		Path: within(t.Path), Mode: r.owner.ofToken(mode), UID: r.owner.tokenUID(), GID: r.owner.group(), Audience: t.Audience,
		ExpirationSeconds: seconds, Field: r.field,
		Stored: podenv.Stored{Address: address, Key: KeyToken},
	})
}

func (r *resolver) configMap(name string, items []corev1.KeyToPath, optional bool, mode int64) {
	all := len(items) == 0 // none and nil are the same on the API's wire
	items = r.usable(items)
	found := r.in.Sources.ConfigMaps[name]
	if found == nil {
		r.missing(optional, podenv.ReasonOptionalConfigMapNotFound, "configmap %q not found", name)
		return
	}
	content := map[string][]byte{}
	for key, text := range found.Data {
		content[key] = []byte(text)
	}
	maps.Copy(content, found.BinaryData)
	if all {
		items = r.itemsOf(content)
	}
	r.keys(content, items, optional, mode, "configmap references non-existent config key: %s", file{})
}

func (r *resolver) secret(name string, items []corev1.KeyToPath, optional bool, mode int64) {
	all := len(items) == 0
	items = r.usable(items)
	found := r.in.Sources.Secrets[name]
	if found == nil {
		r.missing(optional, podenv.ReasonOptionalSecretNotFound, "secret %q not found", name)
		return
	}
	if all {
		items = r.itemsOf(found.Data)
	}
	r.keys(found.Data, items, optional, mode, "references non-existent secret key: %s", file{secret: found})
}

// itemsOf are all keys of a source, each as a file of its name. Those that are none the API server does not admit.
func (r *resolver) itemsOf(content map[string][]byte) []corev1.KeyToPath {
	var items []corev1.KeyToPath
	for _, key := range slices.Sorted(maps.Keys(content)) {
		if why := unusable(key); why != "" {
			r.problem(podenv.Waits, ReasonFailedMount, "%s", why)
			continue
		}
		items = append(items, corev1.KeyToPath{Key: key, Path: key})
	}
	return items
}

// keys makes files of the keys that items choose. absent is kubelet's text about a key that there is not.
func (r *resolver) keys(content map[string][]byte, items []corev1.KeyToPath, optional bool, mode int64, absent string, like file) {
	for _, item := range items {
		bytes, found := content[item.Key]
		if !found {
			if !optional {
				r.problem(podenv.Waits, ReasonFailedMount, absent, item.Key)
			}
			continue
		}
		f := like
		f.path, f.mode, f.content, f.key, f.field = within(item.Path), r.owner.ofFile(int64(ptr.Deref(item.Mode, int32(mode)))), bytes, item.Key, r.field
		r.files = append(r.files, f)
	}
}

func (r *resolver) downward(items []corev1.DownwardAPIVolumeFile, mode int64) {
	for i, item := range items {
		if !r.isUsable(fmt.Sprintf("%s.items[%d]", r.field, i), item.Path) {
			continue
		}
		f := file{path: within(item.Path), mode: r.owner.ofFile(int64(ptr.Deref(item.Mode, int32(mode)))), field: fmt.Sprintf("%s.items[%d]", r.field, i)}
		var value, asked string
		var known bool
		if item.FieldRef != nil {
			var marks podenv.Marks
			asked = item.FieldRef.FieldPath
			value, marks, known = podenv.Field(r.in.Pod, r.in.Sources, asked)
			f.perPod, known = marks.PerPod, known && !marks.AtStart
		} else if item.ResourceFieldRef != nil {
			asked = item.ResourceFieldRef.Resource + " of container " + item.ResourceFieldRef.ContainerName
			value, known = podenv.Resource(r.in.Pod, r.in.Sources, item.ResourceFieldRef)
		}
		if !known {
			r.problems = append(r.problems, podenv.Problem{Field: f.field, Effect: podenv.Refuses, Reason: podenv.ReasonUnsupported,
				Message: fmt.Sprintf("volume %s: %s is not known before the task starts", r.volume, asked)})
			continue
		}
		f.content = []byte(value)
		r.files = append(r.files, f)
	}
}

// missing reports an object that does not exist: the pod waits for it, as with kubelet, unless it is optional.
func (r *resolver) missing(optional bool, note, format, name string) {
	if optional {
		r.problem(podenv.Noted, note, format, name)
		return
	}
	r.problem(podenv.Waits, ReasonFailedMount, format, name)
}

func (r *resolver) problem(effect podenv.Effect, reason, format string, args ...any) {
	r.problems = append(r.problems, podenv.Problem{Field: r.field, Effect: effect, Reason: reason,
		Message: fmt.Sprintf("MountVolume.SetUp failed for volume %q : ", r.volume) + fmt.Sprintf(format, args...)})
}
