package fargatesim

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// checkDependencies holds the rules of dependsOn (API reference: ContainerDependency).
func checkDependencies(in *ecs.RegisterTaskDefinitionInput) error {
	byName := map[string]ecstypes.ContainerDefinition{}
	for _, c := range in.ContainerDefinitions {
		byName[*c.Name] = c
	}
	for _, c := range in.ContainerDefinitions {
		for _, d := range c.DependsOn {
			if err := checkDependency(byName, c, d); err != nil {
				return err
			}
		}
	}
	for _, c := range in.ContainerDefinitions {
		if dependsOn(byName, *c.Name, *c.Name, nil) {
			return clientError("Container dependency graph contains a cycle: '%s' depends on itself.", *c.Name)
		}
	}
	return nil
}

func checkDependency(byName map[string]ecstypes.ContainerDefinition, c ecstypes.ContainerDefinition, d ecstypes.ContainerDependency) error {
	on, known := byName[*d.ContainerName]
	essential := deref(or(on.Essential, ptr(true)))
	switch {
	case !known:
		return invalidSetting(c, "It depends on the unknown container '%s'.", *d.ContainerName)
	case essential && (d.Condition == ecstypes.ContainerConditionSuccess || d.Condition == ecstypes.ContainerConditionComplete):
		return clientError("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container.")
	case d.Condition == ecstypes.ContainerConditionHealthy && on.HealthCheck == nil:
		return clientError("A dependency container with HEALTHY condition must have a health check: '%s'.", *on.Name)
	}
	return nil
}

// dependsOn reports whether a container depends on another, in any number of steps.
func dependsOn(byName map[string]ecstypes.ContainerDefinition, from, on string, seen []string) bool {
	for _, d := range byName[from].DependsOn {
		next := *d.ContainerName
		if next == on {
			return true
		}
		if !slices.Contains(seen, next) && dependsOn(byName, next, on, append(seen, next)) {
			return true
		}
	}
	return false
}
