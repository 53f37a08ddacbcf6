package taskdef

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

const (
	maxOverrides = 8192 // characters of JSON; API reference: TaskOverride
	maxGroup     = 255  // characters
)

// runTask is the request that starts this pod's task, complete but for the definition's ARN.
func runTask(in Input, private bool) *ecs.RunTaskInput {
	launchType, strategy := capacity(in)
	return &ecs.RunTaskInput{
		Cluster:                  optional(in.Settings.Cluster),
		Count:                    aws.Int32(1),
		LaunchType:               launchType,
		CapacityProviderStrategy: strategy,
		PlatformVersion:          optional(in.Settings.PlatformVersion),
		ClientToken:              aws.String(in.ID.ClientToken()),
		StartedBy:                aws.String(in.ID.StartedBy()),
		Group:                    aws.String(group(in)),
		EnableECSManagedTags:     true,
		Tags:                     taskTags(in.Pod, in.Settings.Tags),
		NetworkConfiguration:     networkConfiguration(in),
		Overrides:                overrides(in, private),
		VolumeConfigurations:     volumeConfigurations(in),
	}
}

// group is what the console shows beside a task: NAMESPACE/NAME.
func group(in Input) string {
	text := in.ID.Namespace + "/" + in.ID.Name
	return text[:min(len(text), maxGroup)]
}

// networkConfiguration is the node's, but for what the pod asks and is granted.
func networkConfiguration(in Input) *ecstypes.NetworkConfiguration {
	asked, _ := asksOf(in.Pod)
	vpc := &ecstypes.AwsVpcConfiguration{
		Subnets: in.Settings.Subnets, SecurityGroups: in.Settings.SecurityGroups, AssignPublicIp: ecstypes.AssignPublicIpDisabled,
	}
	if asked.subnets != nil {
		vpc.Subnets = asked.subnets
	}
	if asked.securityGroups != nil {
		vpc.SecurityGroups = asked.securityGroups
	}
	if asked.publicIP == "true" || asked.publicIP == "" && in.Settings.AssignPublicIP {
		vpc.AssignPublicIp = ecstypes.AssignPublicIpEnabled
	}
	return &ecstypes.NetworkConfiguration{AwsvpcConfiguration: vpc}
}

// overrides are this pod's own values: its identity, on the first container of those that are not init, whatever
// differs between replicas unless a private definition holds that, and the task role, which is no part of a definition
// so that a grant withdrawn is withdrawn from every task that starts.
func overrides(in Input, private bool) *ecstypes.TaskOverride {
	var containers []ecstypes.ContainerOverride
	first := ""
	if left := remaining(in.Pod); len(left) > 0 {
		first = left[0].Name
	}
	for _, env := range in.Environment.Containers {
		if hasSucceeded(in.Pod, env.Name) {
			continue // it is not in the task
		}
		var override ecstypes.ContainerOverride
		if !private {
			override = containerOverride(in, env)
		}
		if env.Name == first {
			override.Environment = append(override.Environment, in.ID.Environment()...)
		}
		if len(override.Environment)+len(override.Command) > 0 {
			override.Name = aws.String(env.Name)
			containers = append(containers, override)
		}
	}
	if own := filesOverride(in, layoutOf(in)); !private && len(own.Environment) > 0 {
		containers = append(containers, own)
	}
	return &ecstypes.TaskOverride{ContainerOverrides: containers, TaskRoleArn: optional(taskRole(in))}
}

func containerOverride(in Input, env podenv.Container) ecstypes.ContainerOverride {
	var override ecstypes.ContainerOverride
	for _, v := range env.Variables {
		if v.PerPod && !v.Secret {
			override.Environment = append(override.Environment, pair(v.Name, v.Value))
		}
	}
	if commandPerPod(in, layoutOf(in), env) {
		override.Command = commandOverride(in, env)
	}
	return override
}

// commandOverride takes the place of the definition's command.
func commandOverride(in Input, env podenv.Container) []string {
	entryPoint, command := split(values(env.Command), values(env.Args))
	l := layoutOf(in)
	if c := containerNamed(in.Pod, env.Name); needsStart(in, l, c) {
		return slices.Concat(startWords(in, l, c, false), entryPoint, command)
	}
	return command
}

func containerNamed(pod *corev1.Pod, name string) *corev1.Container {
	var found *corev1.Container
	eachContainer(pod, func(c *corev1.Container, _ string) {
		if c.Name == name {
			found = c
		}
	})
	return found
}

// commandPerPod tells whether a container's command, or what is done before it, differs between replicas.
func commandPerPod(in Input, l layout, env podenv.Container) bool {
	if c := containerNamed(in.Pod, env.Name); c != nil && needsStart(in, l, c) &&
		slices.ContainsFunc(slices.Concat(l.links[env.Name], l.copies[env.Name]), func(f copied) bool { return f.written != "" }) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(env.Command, env.Args), isPerPod)
}

func isPerPod(w podenv.Word) bool { return w.PerPod }

// needsPrivate says why overrides cannot carry the pod's own values, or "" if they can.
func needsPrivate(in Input) (field, reason string) {
	for _, env := range in.Environment.Containers {
		if c := containerNamed(in.Pod, env.Name); len(env.Command) > 0 && env.Command[0].PerPod && !needsStart(in, layoutOf(in), c) {
			return env.Command[0].Field, "ECS cannot override an entry point"
		}
		if field, found := ownSecret(env); found {
			return field, "ECS cannot override what comes from a Secret"
		}
	}
	if own := layoutOf(in).own; own != "" {
		return own, "ECS cannot override what is mounted"
	}
	if len(wireJSON(overrides(in, false))) > maxOverrides {
		return fieldEnv, "its own values exceed the 8,192 characters that ECS allows in overrides"
	}
	return "", ""
}
