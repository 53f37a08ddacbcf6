package taskdef

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// For tests that check what goes over the wire, and the sizes against brute force.
var (
	WireJSON = wireJSON
	Cells    = cells
	Cheapest = cheapest
)

// Holding are those of the fields, written as in the verdict table, that hold something in the pod.
func Holding(pod *corev1.Pod, fields []string) []string {
	tree := treeOf(pod)
	return slices.DeleteFunc(fields, func(field string) bool { return len(set(tree, "", field)) == 0 })
}

const (
	MaxDefinition = maxDefinition
	MaxOverrides  = maxOverrides
)
