package providerconfig

import (
	"path"
	"slices"
)

// Grants are all tables [[Grants]]: what pods may ask of AWS by annotation. What none of them grants is denied.
type Grants []Grant

// Grant is one table [[Grants]]. All it grants, it grants to each of its namespaces. Its lists hold patterns in which
// * stands for any characters but /, also for none, and ? for one.
type Grant struct {
	// Namespaces are those of the pods.
	Namespaces []string
	// TaskRoles are ARNs of the IAM roles whose credentials containers may get. Partition and account are written out.
	TaskRoles []string
}

// TaskRole reports whether pods of the namespace may have the role.
func (g Grants) TaskRole(namespace, roleARN string) bool {
	return g.any(namespace, func(grant Grant) []string { return grant.TaskRoles }, roleARN)
}

// any reports whether one grant names both the namespace and the value, in the list that it is looked for in.
func (g Grants) any(namespace string, list func(Grant) []string, value string) bool {
	return slices.ContainsFunc(g, func(grant Grant) bool {
		return matches(grant.Namespaces, namespace) && matches(list(grant), value)
	})
}

func matches(patterns []string, value string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, value)
		return err == nil && matched
	})
}

// last is the grant that is being read.
func (g Grants) last() *Grant { return &g[len(g)-1] }
