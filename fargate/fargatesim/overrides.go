//lint:file-ignore SA1019 AWS still sends and takes what its SDK marks as deprecated

package fargatesim

import (
	"maps"
	"strconv"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func text(n int32) string { return strconv.Itoa(int(n)) }

// allOverrides are the overrides as a task shows them: each container of the definition is there.
func allOverrides(given *ecstypes.TaskOverride, d *definition) *ecstypes.TaskOverride {
	all := clone(deref(given))
	all.InferenceAcceleratorOverrides = []ecstypes.InferenceAcceleratorOverride{}
	all.ContainerOverrides = []ecstypes.ContainerOverride{}
	for _, c := range d.ContainerDefinitions {
		o := clone(containerOverride(given, *c.Name))
		o.Name = c.Name
		all.ContainerOverrides = append(all.ContainerOverrides, o)
	}
	return &all
}

// containerOverride is the override for a container; an empty one if there is none.
func containerOverride(o *ecstypes.TaskOverride, name string) ecstypes.ContainerOverride {
	if o != nil {
		for _, c := range o.ContainerOverrides {
			if deref(c.Name) == name {
				return c
			}
		}
	}
	return ecstypes.ContainerOverride{}
}

// applyOverrides lays what RunTask overrides of the whole task over the definition.
func (s *Server) applyOverrides(t *task) {
	o, d := t.Overrides, t.definition
	t.Cpu, t.Memory = or(o.Cpu, t.Cpu), or(o.Memory, t.Memory)
	if e := or(o.EphemeralStorage, d.EphemeralStorage); e != nil {
		t.EphemeralStorage, t.FargateEphemeralStorage = &ecstypes.EphemeralStorage{SizeInGiB: e.SizeInGiB}, &ecstypes.TaskEphemeralStorage{SizeInGiB: e.SizeInGiB}
	}
}

// taskSpec is what the runtime is told of a task.
func taskSpec(t *task) TaskSpec {
	cpu, _ := parseCPU(deref(t.Cpu))
	memory, _ := parseMemory(deref(t.Memory))
	environment := map[string]map[string]string{}
	for _, m := range t.members {
		environment[*m.definition.Name] = environmentOf(t, m.definition)
	}
	return TaskSpec{
		ARN: *t.TaskArn, ID: lastPart(*t.TaskArn), Family: *t.definition.Family, Revision: int(t.definition.Revision),
		Address: t.address, Subnet: t.subnet.CIDR, MAC: t.eni.mac,
		CPUUnits: cpu, MemoryMiB: memory, SharePIDs: t.definition.PidMode == ecstypes.PidModeTask, Environment: environment,
	}
}

func environmentOf(t *task, c *ecstypes.ContainerDefinition) map[string]string {
	environment := map[string]string{}
	for _, list := range [][]ecstypes.KeyValuePair{c.Environment, containerOverride(t.Overrides, *c.Name).Environment} {
		for _, v := range list {
			environment[deref(v.Name)] = deref(v.Value)
		}
	}
	return environment
}

// containerSpec is a container with its overrides; its output goes nowhere yet.
func containerSpec(t *task, c *ecstypes.ContainerDefinition, restart int) ContainerSpec {
	o := containerOverride(t.Overrides, *c.Name)
	spec := ContainerSpec{
		Name:              *c.Name,
		Image:             *c.Image,
		EntryPoint:        c.EntryPoint,
		Command:           c.Command,
		Environment:       environmentOf(t, c),
		WorkingDirectory:  deref(c.WorkingDirectory),
		User:              deref(c.User),
		MemoryMiB:         int(deref(or(o.Memory, c.Memory))),
		MemoryReservation: int(deref(or(o.MemoryReservation, c.MemoryReservation))),
		CPUUnits:          int(or(deref(o.Cpu), c.Cpu)),
		TTY:               deref(c.PseudoTerminal),
		Stdin:             deref(c.Interactive),
		ReadOnlyRoot:      deref(c.ReadonlyRootFilesystem),
		Labels:            maps.Clone(c.DockerLabels),
		Sysctls:           map[string]string{},
		Restart:           restart,
	}
	if o.Command != nil {
		spec.Command = o.Command
	}
	for _, control := range c.SystemControls {
		spec.Sysctls[deref(control.Namespace)] = deref(control.Value)
	}
	for _, u := range c.Ulimits {
		spec.Ulimits = append(spec.Ulimits, Ulimit{string(u.Name), int(u.SoftLimit), int(u.HardLimit)})
	}
	for _, p := range c.MountPoints {
		spec.Mounts = append(spec.Mounts, Mount{
			Volume: *p.SourceVolume, Path: *p.ContainerPath, ReadOnly: deref(p.ReadOnly),
			EFS: t.fileSystems[*p.SourceVolume], EBS: t.volume.mount(*p.SourceVolume)})
	}
	addLinuxParameters(&spec, c.LinuxParameters)
	return spec
}

func addLinuxParameters(spec *ContainerSpec, p *ecstypes.LinuxParameters) {
	if p == nil {
		return
	}
	spec.Init = deref(p.InitProcessEnabled)
	if p.Capabilities != nil {
		spec.CapabilitiesAdd, spec.CapabilitiesDrop = p.Capabilities.Add, p.Capabilities.Drop
	}
	for _, f := range p.Tmpfs {
		spec.Tmpfs = append(spec.Tmpfs, Tmpfs{deref(f.ContainerPath), int(f.Size), f.MountOptions})
	}
}
