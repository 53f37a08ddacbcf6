//lint:file-ignore SA1019 AWS still sends and takes what its SDK marks as deprecated

package fargatesim

import (
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	maxCount          = 10   // tasks a call; API reference: RunTask
	maxOverrides      = 8192 // characters of the overrides as JSON; API reference: TaskOverride
	maxSubnets        = 16   // API reference: AwsVpcConfiguration
	maxSecurityGroups = 5    // likewise
	maxProviders      = 20   // of a strategy; API reference: RunTask
)

var startedBy = regexp.MustCompile(`^[A-Za-z0-9/_-]{0,128}$`) // API reference: RunTask

// checkClientToken holds the rule for tokens: up to 64 characters of 33 to 126 (API reference: RunTask).
func checkClientToken(token string) error {
	for _, c := range token {
		if c < 33 || c > 126 {
			return invalidParameter("clientToken has a character outside 33 to 126.")
		}
	}
	if len(token) > 64 {
		return invalidParameter("clientToken has more than 64 characters.")
	}
	return nil
}

// checkRun holds the rules for RunTask on Fargate. spot tells whether the task goes to FARGATE_SPOT.
func (s *Server) checkRun(in *ecs.RunTaskInput, c *cluster, d *definition) (spot bool, err error) {
	for _, err := range []error{
		checkRunMembers(in, d),
		checkVolumeConfigurations(in, d),
		s.checkNetwork(in.NetworkConfiguration),
		checkOverrides(in.Overrides, d),
		checkECSTags(in.Tags),
	} {
		if err != nil {
			return false, err
		}
	}
	return checkCapacity(in, c)
}

func checkRunMembers(in *ecs.RunTaskInput, d *definition) error {
	count := deref(or(in.Count, ptr[int32](1)))
	switch {
	case count < 1 || count > maxCount:
		return invalidParameter("Count must be between 1 and %d.", maxCount)
	case !startedBy.MatchString(deref(in.StartedBy)):
		return invalidParameter("startedBy can have up to 128 letters, digits, hyphens, slashes and underscores.")
	case len(deref(in.Group)) > 255:
		return invalidParameter("group has more than 255 characters.")
	case len(in.PlacementConstraints) > 0:
		return invalidParameter("Placement constraints are not supported with FARGATE launch type.")
	case len(in.PlacementStrategy) > 0:
		return invalidParameter("Placement strategies are not supported with FARGATE launch type.")
	case in.PropagateTags == ecstypes.PropagateTagsService:
		return invalidParameter("propagateTags SERVICE is not supported by RunTask.")
	case in.EnableExecuteCommand && or(deref(in.Overrides).TaskRoleArn, d.TaskRoleArn) == nil:
		return invalidParameter("A task role is required to run a task with execute command enabled.")
	case !slices.Contains([]string{"", "LATEST", "1.4.0", "1.3.0"}, deref(in.PlatformVersion)):
		return newError("PlatformUnknownException", "The specified platform does not exist.")
	}
	return nil
}

func (s *Server) checkNetwork(n *ecstypes.NetworkConfiguration) error {
	if n == nil || n.AwsvpcConfiguration == nil {
		return invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	vpc := n.AwsvpcConfiguration
	switch {
	case len(vpc.Subnets) == 0:
		return invalidParameter("subnets can not be empty.")
	case len(vpc.Subnets) > maxSubnets:
		return invalidParameter("subnets can have at most %d items.", maxSubnets)
	case len(vpc.SecurityGroups) > maxSecurityGroups:
		return invalidParameter("securityGroups can have at most %d items.", maxSecurityGroups)
	}
	for _, id := range vpc.Subnets {
		if s.network.subnet(id) == nil {
			return invalidParameter("Error retrieving subnet information for [%s]: The subnet ID '%s' does not exist (ErrorCode: InvalidSubnetID.NotFound)", id, id)
		}
	}
	for _, id := range vpc.SecurityGroups {
		if !s.network.hasGroup(id) {
			return invalidParameter("Error retrieving security group information for [%s]: The security group '%s' does not exist (ErrorCode: InvalidGroup.NotFound)", id, id)
		}
	}
	return nil
}

func checkOverrides(o *ecstypes.TaskOverride, d *definition) error {
	if o == nil {
		return nil
	}
	if n := utf8.RuneCount(encode(o)); n > maxOverrides {
		return invalidParameter("Container Overrides length must be at most %d", maxOverrides)
	}
	if len(o.InferenceAcceleratorOverrides) > 0 {
		return invalidParameter("Inference accelerators are not supported with FARGATE launch type.")
	}
	seen := map[string]bool{}
	for _, c := range o.ContainerOverrides {
		name := deref(c.Name)
		switch {
		case !slices.ContainsFunc(d.ContainerDefinitions, func(c ecstypes.ContainerDefinition) bool { return *c.Name == name }):
			return invalidParameter("Override for container named %s is not a container in the TaskDefinition.", name)
		case seen[name]:
			return invalidParameter("Container %s is overridden twice.", name)
		case len(c.ResourceRequirements) > 0:
			return invalidParameter("Resource requirements are not supported with FARGATE launch type.")
		case slices.ContainsFunc(c.Environment, func(v ecstypes.KeyValuePair) bool { return deref(v.Name) == "" }):
			return invalidParameter("An environment variable of container %s has no name.", name)
		}
		if err := checkSecretNames(c, d); err != nil {
			return err
		}
		seen[name] = true
	}
	return checkOverriddenSize(o, d)
}

// checkSecretNames: an override cannot take the place of a secret.
func checkSecretNames(c ecstypes.ContainerOverride, d *definition) error {
	for _, defined := range d.ContainerDefinitions {
		for _, secret := range defined.Secrets {
			if *defined.Name == *c.Name && slices.ContainsFunc(c.Environment, func(v ecstypes.KeyValuePair) bool { return *v.Name == *secret.Name }) {
				return clientError("The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'.", *secret.Name)
			}
		}
	}
	return nil
}

// checkOverriddenSize holds the rules of the definition for what is left of it.
func checkOverriddenSize(o *ecstypes.TaskOverride, d *definition) error {
	if err := checkRoleNames(o.TaskRoleArn, o.ExecutionRoleArn); err != nil {
		return err
	}
	if e := o.EphemeralStorage; e != nil && (e.SizeInGiB < 21 || e.SizeInGiB > 200) {
		return invalidParameter("The ephemeral storage size must be between 21 and 200 GiB.")
	}
	whole := ecs.RegisterTaskDefinitionInput{Cpu: or(o.Cpu, d.Cpu), Memory: or(o.Memory, d.Memory)}
	for _, c := range d.ContainerDefinitions {
		override := containerOverride(o, *c.Name)
		c.Cpu = or(deref(override.Cpu), c.Cpu)
		c.Memory, c.MemoryReservation = or(override.Memory, c.Memory), or(override.MemoryReservation, c.MemoryReservation)
		if err := checkMemory(c); err != nil {
			return err
		}
		whole.ContainerDefinitions = append(whole.ContainerDefinitions, c)
	}
	if err := checkSize(*whole.Cpu, *whole.Memory); err != nil {
		return err
	}
	return checkContainerSums(&whole)
}

// checkCapacity finds out where the task goes. Without a launch type and a strategy that is the cluster's default
// strategy, else EC2, of which there is none.
func checkCapacity(in *ecs.RunTaskInput, c *cluster) (spot bool, err error) {
	strategy := in.CapacityProviderStrategy
	switch {
	case in.LaunchType != "" && len(strategy) > 0:
		return false, invalidParameter("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	case in.LaunchType == ecstypes.LaunchTypeFargate:
		return false, nil
	case in.LaunchType == "" && len(strategy) == 0:
		strategy = c.DefaultCapacityProviderStrategy
	}
	if len(strategy) == 0 {
		return false, invalidParameter("No Container Instances were found in your cluster.")
	}
	return checkStrategy(strategy, c)
}

func checkStrategy(strategy []ecstypes.CapacityProviderStrategyItem, c *cluster) (spot bool, err error) {
	if len(strategy) > maxProviders {
		return false, invalidParameter("A strategy can have at most %d capacity providers.", maxProviders)
	}
	var best ecstypes.CapacityProviderStrategyItem
	for _, item := range strategy {
		if !slices.Contains(c.CapacityProviders, *item.CapacityProvider) {
			return false, invalidParameter("The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.")
		}
		if item.Weight < 0 || item.Weight > 1000 || item.Base < 0 || item.Base > 100000 { // API reference: CapacityProviderStrategyItem
			return false, invalidParameter("weight must be between 0 and 1000, base between 0 and 100000.")
		}
		if best.CapacityProvider == nil || item.Base > best.Base || item.Base == best.Base && item.Weight > best.Weight {
			best = item
		}
	}
	if best.Weight == 0 && best.Base == 0 {
		return false, invalidParameter("At least one capacity provider of a strategy needs a weight above 0.")
	}
	return *best.CapacityProvider == "FARGATE_SPOT", nil
}
