package providerconfig

import (
	"slices"
	"strings"
)

// maxTags leaves room for our own on each task. Source of the 50: ECS API reference, RunTask.tags.
const maxTags = 50 - 10

// check finds what no single key shows: a key that is missing, and keys that contradict each other. A key with a fault
// of its own says nothing about the others.
func (r *reader) check() {
	c := &r.config
	if _, said := r.lines["Subnets"]; !said {
		r.fault(0, "Subnets", "missing; list the subnets that tasks get their addresses from")
	}
	if c.CloudWatchLogGroupName != "" && c.ExecutionRoleARN == "" && r.sound("ExecutionRoleArn") {
		r.fault(r.lines["CloudWatchLogGroupName"], "CloudWatchLogGroupName",
			"needs ExecutionRoleArn too, the role that writes the logs; set it or leave the log group out")
	}
	if c.Region != "" && c.Node.Zone != "" && !strings.HasPrefix(c.Node.Zone, c.Region) {
		r.fault(r.lines["Node.Zone"], "Node.Zone", "%s is no zone of Region %s", c.Node.Zone, c.Region)
	}
	// Developer guide: "Fargate Linux platform versions"; ARM came with 1.4.0.
	if c.Node.Architecture == ARM64 && !slices.Contains([]string{"LATEST", "1.4.0"}, c.PlatformVersion) {
		r.fault(r.lines["Node.Architecture"], "Node.Architecture", "arm64 needs PlatformVersion 1.4.0 or LATEST, not %s", c.PlatformVersion)
	}
	if len(c.Tags) > maxTags {
		r.fault(r.lines["Tags"], "Tags", "must be at most %d, not %d; ECS takes 50 and ours are among them", maxTags, len(c.Tags))
	}
}

// checkGrant finds what the table [[Grants]] begun last lacks.
func (r *reader) checkGrant() {
	line := r.begun[len(r.begun)-1]
	if _, said := r.lines["Grants.Namespaces"]; !said {
		r.fault(line, "Grants.Namespaces", "missing in this table; list the namespaces it is for")
	}
	for name := range r.lines {
		if strings.HasPrefix(name, "Grants.") && name != "Grants.Namespaces" {
			return
		}
	}
	r.fault(line, "Grants", "this table grants nothing; add TaskRoles, Subnets, SecurityGroups, PublicIPv4Address, LogDestinations or FileSystems")
}

// sound reports whether nothing was wrong about a key.
func (r *reader) sound(name string) bool {
	return !slices.ContainsFunc(r.faults, func(f Fault) bool { return f.Key == name })
}
