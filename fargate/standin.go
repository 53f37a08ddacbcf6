package fargate

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// clusterCA is the ConfigMap that every namespace has.
const clusterCA = "kube-root-ca.crt"

// fetch finds in the files what a pod is made of. Where they do not have it words stand for it, and a finding says so.
func (e *explainer) fetch(pod *corev1.Pod) (fetched, []Finding) {
	from := fetched{sources: podenv.Sources{
		ConfigMaps: map[string]*corev1.ConfigMap{}, Secrets: map[string]*corev1.Secret{},
		Services: e.set.Services, APIServer: e.account.apiServer(podenv.Endpoint{Host: "API-SERVER"}),
		NodeName: e.owner.NodeName, HostIP: "NODE-ADDRESS", Allocatable: e.account.capacity(),
	}}
	var standIns []Finding
	from.tokens = wantsToken(pod, e.account.config.ServiceAccountToken)
	for _, n := range slices.Concat(namedIn(pod, from.tokens), logSecretsOf(pod)) {
		if !e.find(pod.Namespace, n, from.sources) && n.name != clusterCA {
			standIns = append(standIns, Finding{assumed, n.field, n.assumption()})
		}
	}
	standIns = append(standIns, e.findClaims(pod, &from)...)
	standIns = append(standIns, e.fetchPullSecrets(pod, from.sources)...)
	account := pod.Spec.ServiceAccountName
	from.account = e.set.ServiceAccounts[types.NamespacedName{Namespace: pod.Namespace, Name: account}]
	if from.account == nil {
		from.account = &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account, UID: "SERVICE-ACCOUNT-UID"}}
		if account != "default" {
			standIns = append(standIns, Finding{assumed, "spec.serviceAccountName", fmt.Sprintf(
				"ServiceAccount %q is not in the files, so that it has no annotation %s", account, taskdef.AnnotationServiceAccountRole)})
		}
	}
	return from, e.findFiles(pod, from, standIns)
}

// has tells whether what a field names is in the files.
func (e *explainer) has(namespace string, n named) bool {
	key := types.NamespacedName{Namespace: namespace, Name: n.name}
	return n.kind == podenv.ConfigMap && e.set.ConfigMaps[key] != nil || n.kind == podenv.Secret && e.set.Secrets[key] != nil
}

// find puts into the sources what a field names, or a stand-in with the key that the field names; false: a stand-in. A
// Secret that is taken whole has one key: whether there are values of Secrets decides what becomes of a pod.
func (e *explainer) find(namespace string, n named, sources podenv.Sources) bool {
	key := types.NamespacedName{Namespace: namespace, Name: n.name}
	if n.kind == podenv.ConfigMap {
		if given := e.set.ConfigMaps[key]; given != nil {
			sources.ConfigMaps[n.name] = given
			return true
		}
		if sources.ConfigMaps[n.name] == nil {
			sources.ConfigMaps[n.name] = &corev1.ConfigMap{Data: map[string]string{}}
		}
		if n.key != "" {
			sources.ConfigMaps[n.name].Data[n.key] = "VALUE OF " + n.name + "/" + n.key
		}
		return false
	}
	if given := e.set.Secrets[key]; given != nil {
		sources.Secrets[n.name] = given
		return true
	}
	if sources.Secrets[n.name] == nil {
		sources.Secrets[n.name] = manifest.Identified(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: n.name}, Data: map[string][]byte{}})
	}
	sources.Secrets[n.name].Data[cmp.Or(n.key, standInKey(n.name))] = nil
	return false
}

// fetchPullSecrets finds the Secrets with the credentials of the pod's images. One that is not in the files is taken to
// have some for each of their registries.
func (e *explainer) fetchPullSecrets(pod *corev1.Pod, sources podenv.Sources) []Finding {
	var standIns []Finding
	for i, name := range pullsecret.Names(pod) {
		if given := e.set.Secrets[types.NamespacedName{Namespace: pod.Namespace, Name: name}]; given != nil {
			sources.Secrets[name] = given
			continue
		}
		sources.Secrets[name] = manifest.Identified(pullsecret.StandIn(pod, name))
		standIns = append(standIns, Finding{assumed, fmt.Sprintf("spec.imagePullSecrets[%d]", i), fmt.Sprintf(
			"Secret %q is not in the files, and is taken to have credentials for all of the pod's images", name)})
	}
	return standIns
}

// named is one field that names a ConfigMap or a Secret.
type named struct {
	field string
	kind  podenv.Kind
	name  string
	key   string // empty: all of them
}

// standInKey stands for the keys of a Secret that is taken whole.
func standInKey(secret string) string { return "KEY-OF-" + secret }

func (n named) assumption() string {
	switch {
	case n.key == "" && n.kind == podenv.Secret:
		return fmt.Sprintf("%s %q is not in the files, so that its keys are not known; %s stands for them", n.kind, n.name, standInKey(n.name))
	case n.key == "":
		return fmt.Sprintf("%s %q is not in the files, so that its keys are not known and none is here", n.kind, n.name)
	}
	return fmt.Sprintf("%s %q is not in the files, and is taken to have the key %q", n.kind, n.name, n.key)
}

// logSecretsOf are what the log driver's options name.
func logSecretsOf(pod *corev1.Pod) []named {
	all := namedIn(taskdef.LogSecrets(pod), false)
	for i := range all {
		all[i].field = taskdef.FieldLogSecrets
	}
	return all
}

// namedIn are the fields of a pod that name ConfigMaps and Secrets, in order.
func namedIn(pod *corev1.Pod, tokens bool) []named {
	var all []named
	for i, c := range pod.Spec.InitContainers {
		all = append(all, namedByContainer(fmt.Sprintf("spec.initContainers[%d]", i), c)...)
	}
	for i, c := range pod.Spec.Containers {
		all = append(all, namedByContainer(fmt.Sprintf("spec.containers[%d]", i), c)...)
	}
	for i := range pod.Spec.Volumes {
		all = append(all, namedByVolume(pod, fmt.Sprintf("spec.volumes[%d]", i), &pod.Spec.Volumes[i], tokens)...)
	}
	return all
}

func namedByVolume(pod *corev1.Pod, at string, v *corev1.Volume, tokens bool) []named {
	switch {
	case v.ConfigMap != nil:
		return namedByItems(at+".configMap", podenv.ConfigMap, v.ConfigMap.Name, v.ConfigMap.Items)
	case v.Secret != nil:
		return namedByItems(at+".secret", podenv.Secret, v.Secret.SecretName, v.Secret.Items)
	case v.Projected == nil || !tokens && podfile.IsTokenVolume(pod, v):
		return nil
	}
	var all []named
	for i, source := range v.Projected.Sources {
		at := fmt.Sprintf("%s.projected.sources[%d]", at, i)
		if ref := source.ConfigMap; ref != nil {
			all = append(all, namedByItems(at+".configMap", podenv.ConfigMap, ref.Name, ref.Items)...)
		}
		if ref := source.Secret; ref != nil {
			all = append(all, namedByItems(at+".secret", podenv.Secret, ref.Name, ref.Items)...)
		}
	}
	return all
}

func namedByContainer(at string, c corev1.Container) []named {
	var all []named
	for j, from := range c.EnvFrom {
		field := fmt.Sprintf("%s.envFrom[%d]", at, j)
		if ref := from.ConfigMapRef; ref != nil {
			all = append(all, named{field + ".configMapRef", podenv.ConfigMap, ref.Name, ""})
		}
		if ref := from.SecretRef; ref != nil {
			all = append(all, named{field + ".secretRef", podenv.Secret, ref.Name, ""})
		}
	}
	for j, variable := range c.Env {
		field, from := fmt.Sprintf("%s.env[%d].valueFrom", at, j), ptr.Deref(variable.ValueFrom, corev1.EnvVarSource{})
		if ref := from.ConfigMapKeyRef; ref != nil {
			all = append(all, named{field + ".configMapKeyRef", podenv.ConfigMap, ref.Name, ref.Key})
		}
		if ref := from.SecretKeyRef; ref != nil {
			all = append(all, named{field + ".secretKeyRef", podenv.Secret, ref.Name, ref.Key})
		}
	}
	return all
}

// namedByItems is one entry a key, or one for all keys.
func namedByItems(field string, kind podenv.Kind, name string, items []corev1.KeyToPath) []named {
	if len(items) == 0 {
		return []named{{field, kind, name, ""}}
	}
	var all []named
	for _, item := range items {
		all = append(all, named{field, kind, name, item.Key})
	}
	return all
}
