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
	// Subnets are IDs of subnets, and SecurityGroups of security groups, that tasks may be put into besides those of all.
	Subnets, SecurityGroups []string
	// PublicIPv4Address lets tasks have public addresses where others have none.
	PublicIPv4Address bool
	// LogDestinations are where containers may log to: "awslogs:GROUP", "splunk:URL" and "awsfirelens:OUTPUT", of which
	// OUTPUT is the plugin that the log router is told to use.
	LogDestinations []string
	// FileSystems are IDs of the EFS file systems that pods may mount by themselves. Those of PersistentVolumes are an
	// administrator's, and need no grant.
	FileSystems []string
}

// TaskRole reports whether pods of the namespace may have the role.
func (g Grants) TaskRole(namespace, roleARN string) bool {
	return g.any(namespace, func(grant Grant) []string { return grant.TaskRoles }, roleARN)
}

// Subnet reports whether pods of the namespace may run in the subnet.
func (g Grants) Subnet(namespace, id string) bool {
	return g.any(namespace, func(grant Grant) []string { return grant.Subnets }, id)
}

// SecurityGroup reports whether pods of the namespace may be members of the security group.
func (g Grants) SecurityGroup(namespace, id string) bool {
	return g.any(namespace, func(grant Grant) []string { return grant.SecurityGroups }, id)
}

// PublicAddress reports whether pods of the namespace may have public addresses.
func (g Grants) PublicAddress(namespace string) bool {
	return slices.ContainsFunc(g, func(grant Grant) bool { return grant.PublicIPv4Address && matches(grant.Namespaces, namespace) })
}

// LogDestination reports whether pods of the namespace may log to the destination, written as in Grant.
func (g Grants) LogDestination(namespace, destination string) bool {
	return g.any(namespace, func(grant Grant) []string { return grant.LogDestinations }, destination)
}

// FileSystem reports whether pods of the namespace may mount the file system by themselves.
func (g Grants) FileSystem(namespace, fileSystemID string) bool {
	return g.any(namespace, func(grant Grant) []string { return grant.FileSystems }, fileSystemID)
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
