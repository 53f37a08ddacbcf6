//lint:file-ignore SA1019 AWS still sends and takes what its SDK marks as deprecated

package fargatesim

import (
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	maxContainers = 10    // of a task definition; ECS service quotas
	maxDefinition = 65536 // bytes of a task definition; ECS service quotas
)

// definitionRules are what a task definition has to keep, in the order in which they are looked at.
var definitionRules = []func(*ecs.RegisterTaskDefinitionInput) error{
	checkFamily,
	checkDefinitionSize,
	checkFargate,
	checkTaskSize,
	checkRoles,
	checkVolumes,
	checkContainers,
	checkFirelens,
	checkContainerSums,
	checkDependencies,
	checkTaskPorts,
	checkExecutionRole,
	func(in *ecs.RegisterTaskDefinitionInput) error { return checkECSTags(in.Tags) },
}

// checkDefinition holds the rules for a task definition on Fargate: those that the API reference and the developer
// guide state for the members, with AWS's wording where it is known.
func checkDefinition(in *ecs.RegisterTaskDefinitionInput) error {
	for _, rule := range definitionRules {
		if err := rule(in); err != nil {
			return err
		}
	}
	return nil
}

func checkFamily(in *ecs.RegisterTaskDefinitionInput) error {
	if !isName(*in.Family) {
		return clientError("Family contains invalid characters: up to 255 letters, digits, hyphens and underscores are allowed.")
	}
	return nil
}

func checkDefinitionSize(in *ecs.RegisterTaskDefinitionInput) error {
	if n := len(encode(in)); n > maxDefinition {
		return clientError("Actual length: '%d'. Max allowed length is '%d' bytes.", n, maxDefinition)
	}
	return nil
}

// checkFargate refuses what Fargate does not have at the level of the task. A definition that is for EC2 only could
// be registered at AWS; here it has nothing to run on.
func checkFargate(in *ecs.RegisterTaskDefinitionInput) error {
	platform := deref(in.RuntimePlatform)
	switch {
	case !slices.Contains(in.RequiresCompatibilities, ecstypes.CompatibilityFargate):
		return clientError("requiresCompatibilities has to name FARGATE.")
	case in.NetworkMode != ecstypes.NetworkModeAwsvpc:
		return clientError("Fargate only supports network mode 'awsvpc'.")
	case in.PidMode == ecstypes.PidModeHost:
		return unsupported("pidMode 'host'")
	case in.IpcMode != "":
		return unsupported("ipcMode")
	case len(in.PlacementConstraints) > 0:
		return unsupported("placement constraints")
	case in.ProxyConfiguration != nil:
		return unsupported("proxyConfiguration: App Mesh has ended")
	case len(in.InferenceAccelerators) > 0:
		return unsupported("inference accelerators")
	case platform.OperatingSystemFamily != "" && platform.OperatingSystemFamily != ecstypes.OSFamilyLinux:
		return clientError("This Fargate runs LINUX only.")
	}
	return nil
}

// unsupported is how ECS words what Fargate does not have.
func unsupported(what string) error {
	return clientError("Fargate compatible task definitions do not support %s.", what)
}

func checkTaskSize(in *ecs.RegisterTaskDefinitionInput) error {
	if in.Cpu == nil {
		return clientError("Fargate requires that 'cpu' be defined at the task level.")
	}
	if in.Memory == nil {
		return clientError("Fargate requires that 'memory' be defined at the task level.")
	}
	if e := in.EphemeralStorage; e != nil && (e.SizeInGiB < 21 || e.SizeInGiB > 200) { // API reference: EphemeralStorage
		return clientError("The ephemeral storage size must be between 21 and 200 GiB.")
	}
	return checkSize(*in.Cpu, *in.Memory)
}

var roleName = regexp.MustCompile(`^(arn:aws[\w-]*:iam::\d{12}:role/([\w+=,.@-]+/)*)?[\w+=,.@-]{1,64}$`)

func checkRoles(in *ecs.RegisterTaskDefinitionInput) error {
	return checkRoleNames(in.TaskRoleArn, in.ExecutionRoleArn)
}

func checkRoleNames(roles ...*string) error {
	for _, role := range roles {
		if role != nil && !roleName.MatchString(*role) {
			return clientError("Role is not valid: %s", *role)
		}
	}
	return nil
}

var ecrImage = regexp.MustCompile(`^\d{12}\.dkr\.ecr\.`)

// checkExecutionRole: whatever Fargate does for the task before it runs, it does in this role.
func checkExecutionRole(in *ecs.RegisterTaskDefinitionInput) error {
	if in.ExecutionRoleArn != nil {
		return nil
	}
	for _, c := range in.ContainerDefinitions {
		switch {
		case c.LogConfiguration != nil && c.LogConfiguration.LogDriver == ecstypes.LogDriverAwslogs:
			return clientError("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		case ecrImage.MatchString(deref(c.Image)):
			return clientError("Fargate requires task definition to have execution role ARN to support ECR images.")
		case len(c.Secrets) > 0 || c.LogConfiguration != nil && len(c.LogConfiguration.SecretOptions) > 0:
			return clientError("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
		case c.RepositoryCredentials != nil:
			return clientError("When you are specifying repositoryCredentials, you must also specify a value for 'executionRoleArn'.")
		case len(c.EnvironmentFiles) > 0:
			return clientError("When you are specifying environment files, you must also specify a value for 'executionRoleArn'.")
		}
	}
	return nil
}

// checkContainerSums: what the containers claim has to fit into the task.
func checkContainerSums(in *ecs.RegisterTaskDefinitionInput) error {
	units, _ := parseCPU(*in.Cpu)
	mib, _ := parseMemory(*in.Memory)
	cpu, reserved := 0, 0
	for _, c := range in.ContainerDefinitions {
		cpu += int(c.Cpu)
		reserved += int(deref(or(c.MemoryReservation, c.Memory)))
		if int(deref(c.Memory)) > mib {
			return clientError("Invalid setting for container '%s'. The 'memory' setting for container is greater than for the task.", *c.Name)
		}
	}
	if cpu > units {
		return clientError("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")
	}
	if reserved > mib {
		return clientError("The sum of all container memory reservations cannot be greater than the value of the task 'memory'.")
	}
	return nil
}
