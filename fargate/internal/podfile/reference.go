package podfile

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// References returns the ConfigMaps and Secrets that the pod's volumes name, sorted, each once. tokens is as in Input.
func References(pod *corev1.Pod, tokens bool) []podenv.Reference {
	var references []podenv.Reference
	add := func(kind podenv.Kind, name string) {
		references = append(references, podenv.Reference{Kind: kind, Namespace: pod.Namespace, Name: name})
	}
	for i := range pod.Spec.Volumes {
		v := &pod.Spec.Volumes[i]
		switch {
		case !IsMounted(pod, v.Name):
		case v.ConfigMap != nil:
			add(podenv.ConfigMap, v.ConfigMap.Name)
		case v.Secret != nil:
			add(podenv.Secret, v.Secret.SecretName)
		case v.Projected != nil && (tokens || !IsTokenVolume(pod, v)):
			for _, source := range v.Projected.Sources {
				if source.ConfigMap != nil {
					add(podenv.ConfigMap, source.ConfigMap.Name)
				}
				if source.Secret != nil {
					add(podenv.Secret, source.Secret.Name)
				}
			}
		}
	}
	slices.SortFunc(references, func(a, b podenv.Reference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(references)
}
