package podenv

import corev1 "k8s.io/api/core/v1"

// ExpandStatic expands a command by what is written in a container's environment alone, as kubelet does for probes that
// run one (pkg/kubelet/prober/prober.go, ExpandContainerCommandOnlyStatic): a variable is its value as written, so that
// one with valueFrom is empty; of two of one name the last counts, and what is no variable stays. It shows no secret.
func ExpandStatic(command []string, env []corev1.EnvVar) []string {
	written := map[string]binding{}
	for _, v := range env {
		written[v.Name] = binding{Variable: Variable{Name: v.Name, Value: v.Value}}
	}
	lookup := func(name string) (binding, bool) {
		b, known := written[name]
		return b, known
	}
	var expanded []string
	for _, part := range command {
		text, _, _ := expand(part, lookup)
		expanded = append(expanded, text)
	}
	return expanded
}
