package fargatesim

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const maxPortRanges = 100 // of a container; API reference: PortMapping

// checkTaskPorts: the containers of a task share one network, so that each port belongs to one of them, and to one protocol.
func checkTaskPorts(in *ecs.RegisterTaskDefinitionInput) error {
	owner, names := map[int32]string{}, map[string]bool{}
	for _, c := range in.ContainerDefinitions {
		ranges := 0
		for _, p := range c.PortMappings {
			if err := checkPort(c, p); err != nil {
				return err
			}
			if p.ContainerPortRange != nil {
				ranges++
				continue
			}
			if other, taken := owner[*p.ContainerPort]; taken {
				return invalidSetting(c, "The container port %d is already used by '%s' (a port can have one protocol).", *p.ContainerPort, other)
			}
			owner[*p.ContainerPort] = *c.Name
			if name := deref(p.Name); name != "" && names[name] {
				return invalidSetting(c, "The port name '%s' is given twice.", name)
			} else if name != "" {
				names[name] = true
			}
		}
		if ranges > maxPortRanges {
			return invalidSetting(c, "It has more than %d port ranges.", maxPortRanges)
		}
	}
	return nil
}

func checkPort(c ecstypes.ContainerDefinition, p ecstypes.PortMapping) error {
	if p.ContainerPortRange != nil {
		return checkPortRange(c, p)
	}
	switch {
	case p.ContainerPort == nil, *p.ContainerPort < 1, *p.ContainerPort > 65535:
		return invalidSetting(c, "containerPort must be between 1 and 65535.")
	case p.HostPort != nil && *p.HostPort != 0 && *p.HostPort != *p.ContainerPort:
		return clientError("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")
	}
	return nil
}

func checkPortRange(c ecstypes.ContainerDefinition, p ecstypes.PortMapping) error {
	first, last, _ := strings.Cut(*p.ContainerPortRange, "-")
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from < 1 || to > 65535 || from > to || p.ContainerPort != nil || p.HostPort != nil {
		return invalidSetting(c, "containerPortRange must be FIRST-LAST, without containerPort and hostPort: '%s'.", *p.ContainerPortRange)
	}
	return nil
}
