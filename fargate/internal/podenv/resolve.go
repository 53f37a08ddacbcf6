package podenv

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
)

// resolver works through one container's fields in order.
type resolver struct {
	pod       *corev1.Pod
	sources   Sources
	container *corev1.Container
	path      string              // of the container in the pod
	links     map[string]Variable // of the pod's Services, the same for every container: never written
	own       map[string]binding  // what this container's fields gave so far
	problems  *problemList
}

// resolve returns the container without its variables, and these.
func (r *resolver) resolve() (Container, []binding) {
	for i, from := range r.container.EnvFrom {
		r.envFrom(i, from)
	}
	for i, env := range r.container.Env {
		r.env(i, env)
	}
	return Container{
		Name:     r.container.Name,
		Command:  r.words("command", r.container.Command),
		Args:     r.words("args", r.container.Args),
		SubPaths: r.subPaths(),
	}, variables(r.pod, r.links, r.own)
}

func (r *resolver) lookup(name string) (binding, bool) {
	if b, ok := r.own[name]; ok {
		return b, true
	}
	v, ok := r.links[name]
	return binding{Variable: v}, ok
}

func (r *resolver) words(field string, texts []string) []Word {
	var words []Word
	for i, text := range texts {
		value, _, marks := expand(text, r.lookup)
		words = append(words, Word{Value: value, Marks: marks, Field: r.field("%s[%d]", field, i)})
	}
	return words
}

// subPaths are those of the container's mounts. One that is no path below the volume, or names a variable that there
// is not, keeps the container from starting, as kubelet has it.
func (r *resolver) subPaths() []Word {
	var words []Word
	for i, m := range r.container.VolumeMounts {
		w := Word{Value: m.SubPath, Field: r.field("volumeMounts[%d].subPath", i)}
		if m.SubPathExpr != "" {
			w.Field = r.field("volumeMounts[%d].subPathExpr", i)
			w.Value, _, w.Marks = expand(m.SubPathExpr, r.mustLookup(w.Field))
		}
		if strings.HasPrefix(w.Value, "/") || slices.Contains(strings.Split(w.Value, "/"), "..") {
			r.problem(Waits, w.Field, ReasonInvalidSubPath, "SubPath %q must be a relative path without '..'", w.Value)
		}
		words = append(words, w)
	}
	return words
}

// mustLookup is lookup with a problem for each name that is not known, or of an empty value: with it the path would be
// of more than is meant.
func (r *resolver) mustLookup(field string) func(string) (binding, bool) {
	return func(name string) (binding, bool) {
		b, known := r.lookup(name)
		if name != "" && (!known || b.Value == "" && !b.Secret) {
			r.problem(Waits, field, ReasonInvalidSubPath, "variable %q, from which the path is made, is not set or empty", name)
		}
		return b, known
	}
}

func (r *resolver) field(format string, args ...any) string {
	return r.path + "." + fmt.Sprintf(format, args...)
}

func (r *resolver) set(v Variable, pieces ...piece) {
	r.own[v.Name] = binding{Variable: v, pieces: pieces}
}

// envFrom takes all keys of a ConfigMap or Secret. A ConfigMap's binaryData is not meant for environments.
func (r *resolver) envFrom(i int, from corev1.EnvFromSource) {
	switch {
	case from.ConfigMapRef != nil:
		ref := from.ConfigMapRef
		if found, ok := r.configMap(r.field("envFrom[%d].configMapRef", i), ref.Name, ptr.Deref(ref.Optional, false), ""); ok {
			r.setAll(r.field("envFrom[%d].configMapRef", i), from.Prefix, "configmap", ref.Name, slices.Sorted(maps.Keys(found.Data)),
				func(v Variable, key string) { v.Value = found.Data[key]; r.set(v) })
		}
	case from.SecretRef != nil:
		ref := from.SecretRef
		if found, ok := r.secret(r.field("envFrom[%d].secretRef", i), ref.Name, ptr.Deref(ref.Optional, false), ""); ok {
			r.setAll(r.field("envFrom[%d].secretRef", i), from.Prefix, "secret", ref.Name, slices.Sorted(maps.Keys(found.Data)),
				func(v Variable, key string) { r.setSecret(v, ref.Name, found, key) })
		}
	}
}

// setSecret gives a variable the value of a Secret's key.
func (r *resolver) setSecret(v Variable, name string, secret *corev1.Secret, key string) {
	v.Secret = true
	r.set(v, piece{from: &secretKey{name: name, key: key, uid: secret.UID,
		resourceVersion: secret.ResourceVersion, value: Hide(string(secret.Data[key]))}})
}

// setAll has set give a variable to each of a source's keys that can be one's name.
func (r *resolver) setAll(field, prefix, kind, source string, keys []string, set func(v Variable, key string)) {
	var skipped []string
	for _, key := range keys {
		if len(validation.IsRelaxedEnvVarName(prefix+key)) > 0 {
			skipped = append(skipped, prefix+key)
			continue
		}
		set(Variable{Name: prefix + key, Field: field}, key)
	}
	if len(skipped) > 0 {
		r.problem(Noted, field, ReasonInvalidEnvironmentVariableNames,
			"keys [%s] from %s %s/%s were skipped since they are invalid as environment variable names",
			strings.Join(skipped, ", "), kind, r.pod.Namespace, source)
	}
}

// env gives one variable its value; a missing optional source leaves the variable as it was.
func (r *resolver) env(i int, env corev1.EnvVar) {
	field := r.field("env[%d]", i)
	from := env.ValueFrom
	if env.Value != "" || from == nil {
		value, pieces, marks := expand(env.Value, r.lookup)
		r.set(Variable{Name: env.Name, Value: value, Marks: marks, Field: field + ".value"}, pieces...)
		return
	}
	var v Variable
	var ok bool
	switch {
	case from.FieldRef != nil:
		v, ok = r.fieldRef(field+".valueFrom.fieldRef", from.FieldRef)
	case from.ResourceFieldRef != nil:
		v, ok = r.resourceFieldRef(field+".valueFrom.resourceFieldRef", from.ResourceFieldRef)
	case from.ConfigMapKeyRef != nil:
		v, ok = r.configMapKeyRef(field+".valueFrom.configMapKeyRef", env.Name, from.ConfigMapKeyRef)
	case from.SecretKeyRef != nil:
		r.secretKeyRef(Variable{Name: env.Name, Field: field + ".valueFrom.secretKeyRef"}, from.SecretKeyRef)
	case from.FileKeyRef != nil:
		r.problem(Refuses, field+".valueFrom.fileKeyRef", ReasonUnsupported, "file %s of volume %q cannot be read before the task starts", from.FileKeyRef.Path, from.FileKeyRef.VolumeName)
	default:
		ok = true // an empty valueFrom is an empty value
		v.Field = field + ".valueFrom"
	}
	if ok {
		v.Name = env.Name
		r.set(v)
	}
}

func (r *resolver) problem(effect Effect, field, reason, format string, args ...any) {
	r.problems.add(Problem{Field: field, Container: r.container.Name, Reason: reason,
		Message: fmt.Sprintf(format, args...), Effect: effect})
}
