package fargatesim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// family counts its revisions for ever, also those that were deleted.
type family struct {
	revisions []*definition // by age; deleted ones are gone
	last      int32
}

type definition struct {
	ecstypes.TaskDefinition
	tags []ecstypes.Tag
}

func (s *Server) registerTaskDefinition(in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := checkDefinition(in); err != nil {
		return nil, err
	}
	f := s.families[*in.Family]
	if f == nil {
		f = &family{}
		s.families[*in.Family] = f
	}
	f.last++
	d := s.newDefinition(in, f.last)
	f.revisions = append(f.revisions, d)
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: ptr(clone(d.TaskDefinition)), Tags: mergeTags(ecsTag, d.tags)}, nil
}

// newDefinition is a definition with what ECS fills in.
func (s *Server) newDefinition(in *ecs.RegisterTaskDefinitionInput, revision int32) *definition {
	given := clone(*in)
	d := &definition{tags: mergeTags(ecsTag, given.Tags), TaskDefinition: ecstypes.TaskDefinition{
		TaskDefinitionArn:       ptr(s.arn("ecs", fmt.Sprintf("task-definition/%s:%d", *given.Family, revision))),
		Family:                  given.Family,
		Revision:                revision,
		Status:                  ecstypes.TaskDefinitionStatusActive,
		RegisteredAt:            ptr(now()),
		RegisteredBy:            &s.calling.arn,
		Compatibilities:         []ecstypes.Compatibility{ecstypes.CompatibilityEc2, ecstypes.CompatibilityFargate},
		RequiresAttributes:      []ecstypes.Attribute{{Name: ptr("ecs.capability.task-eni")}},
		PlacementConstraints:    []ecstypes.TaskDefinitionPlacementConstraint{},
		ContainerDefinitions:    given.ContainerDefinitions,
		Volumes:                 append([]ecstypes.Volume{}, given.Volumes...),
		Cpu:                     given.Cpu,
		Memory:                  given.Memory,
		NetworkMode:             given.NetworkMode,
		RequiresCompatibilities: given.RequiresCompatibilities,
		TaskRoleArn:             given.TaskRoleArn,
		ExecutionRoleArn:        given.ExecutionRoleArn,
		PidMode:                 given.PidMode,
		RuntimePlatform:         given.RuntimePlatform,
		EphemeralStorage:        given.EphemeralStorage,
		EnableFaultInjection:    given.EnableFaultInjection,
	}}
	for i := range d.ContainerDefinitions {
		fillIn(&d.ContainerDefinitions[i])
	}
	return d
}

// fillIn adds the defaults that AWS shows in a described container definition.
func fillIn(c *ecstypes.ContainerDefinition) {
	c.Essential = or(c.Essential, ptr(true))
	c.Environment = append([]ecstypes.KeyValuePair{}, c.Environment...)
	c.MountPoints = append([]ecstypes.MountPoint{}, c.MountPoints...)
	c.VolumesFrom = append([]ecstypes.VolumeFrom{}, c.VolumesFrom...)
	c.SystemControls = append([]ecstypes.SystemControl{}, c.SystemControls...)
	c.PortMappings = append([]ecstypes.PortMapping{}, c.PortMappings...)
	for i := range c.PortMappings {
		p := &c.PortMappings[i]
		p.Protocol = or(p.Protocol, ecstypes.TransportProtocolTcp)
		p.HostPort = or(p.HostPort, p.ContainerPort)
	}
	if h := c.HealthCheck; h != nil {
		h.Interval, h.Timeout, h.Retries = or(h.Interval, ptr[int32](30)), or(h.Timeout, ptr[int32](5)), or(h.Retries, ptr[int32](3))
	}
}

// definition finds a task definition by family (its latest ACTIVE revision), family:revision or ARN.
func (s *Server) definition(name string) *definition {
	if strings.HasPrefix(name, "arn:") {
		kind, rest, ok := s.ecsResource(name)
		if !ok || kind != "task-definition" {
			return nil
		}
		name = rest
	}
	name, revision, exact := strings.Cut(name, ":")
	f := s.families[name]
	if f == nil {
		return nil
	}
	for _, d := range slices.Backward(f.revisions) {
		if exact && strconv.Itoa(int(d.Revision)) == revision || !exact && d.Status == ecstypes.TaskDefinitionStatusActive {
			return d
		}
	}
	return nil
}

func (s *Server) describeTaskDefinition(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	d := s.definition(*in.TaskDefinition)
	// SDK doc of DescribeTaskDefinition: INACTIVE ones only while an active task references them.
	if d == nil || d.Status != ecstypes.TaskDefinitionStatusActive && !s.inUse(d) {
		return nil, clientError("Unable to describe task definition.")
	}
	out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: ptr(clone(d.TaskDefinition))}
	if slices.Contains(in.Include, ecstypes.TaskDefinitionFieldTags) {
		out.Tags = mergeTags(ecsTag, d.tags)
	}
	return out, nil
}

// inUse reports whether a task that has not stopped runs the definition.
func (s *Server) inUse(d *definition) bool {
	return slices.ContainsFunc(s.order, func(t *task) bool { return t.definition == d && *t.LastStatus != statusStopped })
}

func (s *Server) deregisterTaskDefinition(in *ecs.DeregisterTaskDefinitionInput) (*ecs.DeregisterTaskDefinitionOutput, error) {
	if !strings.Contains(lastPart(*in.TaskDefinition), ":") {
		return nil, invalidParameter("Invalid revision number. Number: null")
	}
	d := s.definition(*in.TaskDefinition)
	if d == nil {
		return nil, clientError("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
	}
	if d.Status != ecstypes.TaskDefinitionStatusActive {
		return nil, clientError("The specified task definition is inactive. Specify an active task definition and try again.")
	}
	d.Status, d.DeregisteredAt = ecstypes.TaskDefinitionStatusInactive, ptr(now())
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: ptr(clone(d.TaskDefinition))}, nil
}

const maxDelete = 10 // definitions a call; API reference: DeleteTaskDefinitions

func (s *Server) deleteTaskDefinitions(in *ecs.DeleteTaskDefinitionsInput) (*ecs.DeleteTaskDefinitionsOutput, error) {
	if len(in.TaskDefinitions) == 0 || len(in.TaskDefinitions) > maxDelete {
		return nil, invalidParameter("Specify 1 to %d task definitions.", maxDelete)
	}
	out := &ecs.DeleteTaskDefinitionsOutput{TaskDefinitions: []ecstypes.TaskDefinition{}, Failures: []ecstypes.Failure{}}
	for _, name := range in.TaskDefinitions {
		d := s.definition(name)
		switch {
		case !strings.Contains(lastPart(name), ":"):
			return nil, invalidParameter("Invalid revision number. Number: null")
		case d == nil:
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: ptr(name), Reason: ptr("The specified task definition does not exist. Specify a valid account, family, revision and try again.")})
		case d.Status == ecstypes.TaskDefinitionStatusActive:
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: d.TaskDefinitionArn, Reason: ptr("The specified task definition is still in ACTIVE status. Please deregister the target and try again.")})
		default:
			d.Status, d.DeleteRequestedAt = ecstypes.TaskDefinitionStatusDeleteInProgress, ptr(now())
			out.TaskDefinitions = append(out.TaskDefinitions, clone(d.TaskDefinition))
		}
	}
	return out, nil
}

// forgetDeleted lets deleted definitions go that no task needs any more.
func (s *Server) forgetDeleted() {
	for _, f := range s.families {
		f.revisions = slices.DeleteFunc(f.revisions, func(d *definition) bool {
			return d.Status == ecstypes.TaskDefinitionStatusDeleteInProgress && !s.inUse(d)
		})
	}
}

func (s *Server) listTaskDefinitions(in *ecs.ListTaskDefinitionsInput) (*ecs.ListTaskDefinitionsOutput, error) {
	status := or(in.Status, ecstypes.TaskDefinitionStatusActive)
	var arns []string
	for name, f := range s.families {
		if in.FamilyPrefix != nil && *in.FamilyPrefix != name { // a full name, in spite of its own: API reference
			continue
		}
		for _, d := range f.revisions {
			if d.Status == status {
				arns = append(arns, *d.TaskDefinitionArn)
			}
		}
	}
	compare := byRevision
	if in.Sort == ecstypes.SortOrderDesc {
		compare = func(a, b string) int { return byRevision(b, a) }
	}
	arns, next, err := page(arns, compare, in.MaxResults, in.NextToken)
	return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: arns, NextToken: next}, err
}

// byRevision sorts ARNs of task definitions by family, then by revision as a number.
func byRevision(a, b string) int {
	number := func(arn string) (string, int) {
		i := strings.LastIndexByte(arn, ':')
		n, _ := strconv.Atoi(arn[i+1:])
		return arn[:max(i, 0)], n
	}
	familyA, revisionA := number(a)
	familyB, revisionB := number(b)
	return cmp.Or(cmp.Compare(familyA, familyB), cmp.Compare(revisionA, revisionB))
}

func (s *Server) listTaskDefinitionFamilies(in *ecs.ListTaskDefinitionFamiliesInput) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	var names []string
	for name, f := range s.families {
		hasActive := slices.ContainsFunc(f.revisions, func(d *definition) bool { return d.Status == ecstypes.TaskDefinitionStatusActive })
		wanted := in.Status == ecstypes.TaskDefinitionFamilyStatusAll || in.Status == "" ||
			hasActive == (in.Status == ecstypes.TaskDefinitionFamilyStatusActive)
		if wanted && strings.HasPrefix(name, deref(in.FamilyPrefix)) && len(f.revisions) > 0 {
			names = append(names, name)
		}
	}
	names, next, err := page(names, byName, in.MaxResults, in.NextToken)
	return &ecs.ListTaskDefinitionFamiliesOutput{Families: names, NextToken: next}, err
}
