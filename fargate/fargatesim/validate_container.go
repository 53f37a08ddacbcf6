package fargatesim

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// containerRules are what each container definition has to keep.
var containerRules = []func(ecstypes.ContainerDefinition) error{
	checkImage,
	checkUnsupported,
	checkLinuxParameters,
	checkMemory,
	checkTimeouts,
	checkHealthCheck,
	checkRestartPolicy,
	checkEnvironment,
	checkUlimits,
	checkSystemControls,
	checkLogging,
}

func checkContainers(in *ecs.RegisterTaskDefinitionInput) error {
	switch n := len(in.ContainerDefinitions); {
	case n == 0:
		return clientError("Container list cannot be empty.")
	case n > maxContainers:
		return clientError("Too many containers: %d given, at most %d are allowed.", n, maxContainers)
	}
	seen, essential := map[string]bool{}, false
	for _, c := range in.ContainerDefinitions {
		name := deref(c.Name)
		switch {
		case !isName(name):
			return clientError("Container.name '%s' contains invalid characters, or is empty or longer than 255.", name)
		case seen[name]:
			return clientError("Container names have to be unique: '%s' is given twice.", name)
		}
		seen[name] = true
		essential = essential || deref(or(c.Essential, ptr(true)))
		for _, rule := range containerRules {
			if err := rule(c); err != nil {
				return err
			}
		}
		if err := checkMounts(in, c); err != nil {
			return err
		}
	}
	if !essential {
		return clientError("At least one container must be marked as essential.")
	}
	return nil
}

// invalidSetting is how ECS words a value that it does not take.
func invalidSetting(c ecstypes.ContainerDefinition, format string, args ...any) error {
	return clientError("Invalid setting for container '"+deref(c.Name)+"'. "+format, args...)
}

var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./:@-]*$`)

// checkImage counts what stands before a digest (SDK doc: ContainerDefinition.Image).
func checkImage(c ecstypes.ContainerDefinition) error {
	image := deref(c.Image)
	name, digest, pinned := strings.Cut(image, "@")
	switch {
	case image == "":
		return clientError("Container.image should not be null or empty.")
	case len(name) > 255 || !imageName.MatchString(image):
		return clientError("Container.image contains invalid characters, or is longer than 255: %s", image)
	case pinned && !strings.HasPrefix(digest, "sha256:"):
		return clientError("Container.image repository digests are of sha256 only: %s", image)
	}
	return nil
}

// checkUnsupported refuses the members that are invalid on Fargate, or with the network mode awsvpc.
func checkUnsupported(c ecstypes.ContainerDefinition) error {
	for _, member := range []struct {
		name  string
		given bool
	}{
		{"privileged", deref(c.Privileged)},
		{"disableNetworking", deref(c.DisableNetworking)},
		{"dockerSecurityOptions", len(c.DockerSecurityOptions) > 0},
		{"links", len(c.Links) > 0},
		{"hostname", c.Hostname != nil},
		{"extraHosts", len(c.ExtraHosts) > 0},
		{"dnsServers", len(c.DnsServers) > 0},
		{"dnsSearchDomains", len(c.DnsSearchDomains) > 0},
		{"credentialSpecs", len(c.CredentialSpecs) > 0},
		{"resourceRequirements", len(c.ResourceRequirements) > 0},
	} {
		if member.given {
			return invalidSetting(c, "Fargate compatible task definitions do not support '%s'.", member.name)
		}
	}
	return nil
}

const minMemory = 6 // MiB; API reference: ContainerDefinition.memory

func checkMemory(c ecstypes.ContainerDefinition) error {
	hard, soft := c.Memory, c.MemoryReservation
	switch {
	case hard != nil && *hard < minMemory, soft != nil && *soft < minMemory:
		return invalidSetting(c, "'memory' and 'memoryReservation' must be at least %d.", minMemory)
	case hard != nil && soft != nil && *soft > *hard:
		return invalidSetting(c, "The 'memory' value must be greater than the 'memoryReservation' value.")
	case c.Cpu < 0:
		return invalidSetting(c, "'cpu' must not be negative.")
	}
	return nil
}

// between refuses a value outside a range; nil is not set.
func between(c ecstypes.ContainerDefinition, name string, value *int32, least, most int32) error {
	if value != nil && (*value < least || *value > most) {
		return invalidSetting(c, "%s must be between %d and %d.", name, least, most)
	}
	return nil
}

func checkTimeouts(c ecstypes.ContainerDefinition) error {
	if err := between(c, "stopTimeout", c.StopTimeout, 2, 120); err != nil { // seconds; API reference: ContainerDefinition
		return err
	}
	return between(c, "startTimeout", c.StartTimeout, 2, 120)
}

// checkHealthCheck: ranges of the API reference, HealthCheck.
func checkHealthCheck(c ecstypes.ContainerDefinition) error {
	h := c.HealthCheck
	if h == nil {
		return nil
	}
	if len(h.Command) < 2 || h.Command[0] != "CMD" && h.Command[0] != "CMD-SHELL" {
		return invalidSetting(c, "The health check command must begin with CMD or CMD-SHELL, and name a command.")
	}
	if h.Command[0] == "CMD-SHELL" && len(h.Command) != 2 {
		return invalidSetting(c, "A health check with CMD-SHELL takes one string.")
	}
	for _, err := range []error{
		between(c, "healthCheck.interval", h.Interval, 5, 300),
		between(c, "healthCheck.timeout", h.Timeout, 2, 60),
		between(c, "healthCheck.retries", h.Retries, 1, 10),
		between(c, "healthCheck.startPeriod", h.StartPeriod, 0, 300),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkRestartPolicy(c ecstypes.ContainerDefinition) error {
	p := c.RestartPolicy
	if p == nil {
		return nil
	}
	if len(p.IgnoredExitCodes) > 50 { // API reference: ContainerRestartPolicy
		return invalidSetting(c, "restartPolicy.ignoredExitCodes has more than 50 exit codes.")
	}
	return between(c, "restartPolicy.restartAttemptPeriod", p.RestartAttemptPeriod, 60, 1800)
}

func hasContainer(in *ecs.RegisterTaskDefinitionInput, name string) bool {
	return slices.ContainsFunc(in.ContainerDefinitions, func(c ecstypes.ContainerDefinition) bool { return deref(c.Name) == name })
}
