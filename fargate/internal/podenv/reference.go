package podenv

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Kind is the kind of object a Reference names.
type Kind string

const (
	ConfigMap Kind = "ConfigMap"
	Secret    Kind = "Secret"
)

// Reference names an object that must be fetched (or found not to exist) before Resolve.
type Reference struct {
	Kind            Kind
	Namespace, Name string
}

// References returns what the environments of the pod's containers name, sorted, each once. It is nil
// for most pods.
func References(pod *corev1.Pod) []Reference {
	var references []Reference
	add := func(kind Kind, name string) {
		references = append(references, Reference{Kind: kind, Namespace: pod.Namespace, Name: name})
	}
	each(pod, func(c *corev1.Container, _ string) {
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil {
				add(ConfigMap, from.ConfigMapRef.Name)
			}
			if from.SecretRef != nil {
				add(Secret, from.SecretRef.Name)
			}
		}
		for _, env := range c.Env {
			from := ptr.Deref(env.ValueFrom, corev1.EnvVarSource{})
			if from.ConfigMapKeyRef != nil {
				add(ConfigMap, from.ConfigMapKeyRef.Name)
			}
			if from.SecretKeyRef != nil {
				add(Secret, from.SecretKeyRef.Name)
			}
		}
	})
	slices.SortFunc(references, func(a, b Reference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(references)
}

// configMap finds a ConfigMap by name, or reports why not. note begins the message about an optional one.
func (r *resolver) configMap(field, name string, optional bool, note string) (*corev1.ConfigMap, bool) {
	if found := r.sources.ConfigMaps[name]; found != nil {
		return found, true
	}
	if optional {
		r.problem(Noted, field, ReasonOptionalConfigMapNotFound, "%sconfigmap %q not found", note, name)
	} else {
		r.problem(Waits, field, ReasonMandatoryConfigMapNotFound, "configmap %q not found", name)
	}
	return nil, false
}

// secret finds a Secret by name, or reports why not. note begins the message about an optional one.
func (r *resolver) secret(field, name string, optional bool, note string) (*corev1.Secret, bool) {
	if found := r.sources.Secrets[name]; found != nil {
		return found, true
	}
	if optional {
		r.problem(Noted, field, ReasonOptionalSecretNotFound, "%ssecret %q not found", note, name)
	} else {
		r.problem(Waits, field, ReasonMandatorySecretNotFound, "secret %q not found", name)
	}
	return nil, false
}

func (r *resolver) configMapKeyRef(field, variable string, ref *corev1.ConfigMapKeySelector) (Variable, bool) {
	optional := ptr.Deref(ref.Optional, false)
	found, ok := r.configMap(field, ref.Name, optional, skipping(variable))
	if !ok {
		return Variable{}, false
	}
	value, ok := found.Data[ref.Key]
	switch {
	case ok:
	case optional:
		r.problem(Noted, field, ReasonOptionalConfigMapKeyNotFound,
			"%skey %q does not exist in configmap %q", skipping(variable), ref.Key, ref.Name)
	default:
		r.problem(Waits, field, ReasonMandatoryConfigMapKeyNotFound,
			"couldn't find key %s in ConfigMap %s/%s", ref.Key, r.pod.Namespace, ref.Name)
	}
	return Variable{Value: value, Field: field}, ok
}

// secretKeyRef gives the variable its value, unless that is missing.
func (r *resolver) secretKeyRef(v Variable, ref *corev1.SecretKeySelector) {
	optional := ptr.Deref(ref.Optional, false)
	found, ok := r.secret(v.Field, ref.Name, optional, skipping(v.Name))
	if !ok {
		return
	}
	switch _, ok := found.Data[ref.Key]; {
	case ok:
		r.setSecret(v, ref.Name, found, ref.Key)
	case optional:
		r.problem(Noted, v.Field, ReasonOptionalSecretKeyNotFound,
			"%skey %q does not exist in secret %q", skipping(v.Name), ref.Key, ref.Name)
	default:
		r.problem(Waits, v.Field, ReasonMandatorySecretKeyNotFound,
			"couldn't find key %s in Secret %s/%s", ref.Key, r.pod.Namespace, ref.Name)
	}
}

func skipping(variable string) string {
	return "skipping optional envvar \"" + variable + "\": "
}
