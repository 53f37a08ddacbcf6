package taskdef

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

const (
	minStopTimeout     = 2   // seconds; API reference: ContainerDefinition
	maxStopTimeout     = 120 // seconds, on Fargate; API reference: ContainerDefinition
	defaultGracePeriod = 30  // seconds; Kubernetes' own default

	// LogStreamPrefix begins the name of every container's log stream, LogStreamPrefix/CONTAINER/TASKID.
	// It is the same for all pods, or replicas could not share a definition.
	LogStreamPrefix = "vk"
)

// contents chooses what of the pod goes into a definition.
type contents struct {
	private bool // this pod's own values, because its overrides cannot hold them
	noLinks bool // no service links, because the definition cannot hold them
}

// containerDefinition is a container as such; which place it has in the task is said by containerDefinitions.
func containerDefinition(in Input, l layout, c *corev1.Container, ports map[int32]bool, chosen contents) ecstypes.ContainerDefinition {
	env := environmentOf(in, c.Name)
	entryPoint, command := entryPointAndCommand(in, l, c, env, chosen)
	defaults := defaultsFor(in.Pod, in.Settings)
	return ecstypes.ContainerDefinition{
		Name:                   aws.String(c.Name),
		Image:                  aws.String(c.Image),
		RepositoryCredentials:  repositoryCredentials(in, c.Image),
		EntryPoint:             entryPoint,
		Command:                command,
		WorkingDirectory:       optional(c.WorkingDir),
		Environment:            environment(env, chosen),
		Secrets:                secrets(env, in),
		MountPoints:            l.mounts[c.Name],
		PortMappings:           portMappings(c.Ports, ports),
		Cpu:                    int32(cpuOf(&c.Resources, defaults) / 1000),
		Memory:                 positive(limitMiB(&c.Resources)),
		MemoryReservation:      memoryReservation(c, defaults),
		StopTimeout:            aws.Int32(stopTimeout(in.Pod)),
		HealthCheck:            healthCheck(c),
		LogConfiguration:       logConfiguration(in),
		Ulimits:                ulimitsOf(in.Pod),
		User:                   optional(user(in.Pod, c)),
		ReadonlyRootFilesystem: readOnlyRoot(c),
		LinuxParameters:        linuxParameters(c, l.tmpfs[c.Name]),
		Interactive:            setOnly(c.Stdin),
		PseudoTerminal:         setOnly(c.TTY),
	}
}

// entryPointAndCommand splits a container's command so that only its first word is out of the reach of
// overrides. Where an override will replace the rest, the definition keeps it as the pod's author wrote
// it, for all replicas write it so. What has to be done before the command comes before all of it.
func entryPointAndCommand(in Input, l layout, c *corev1.Container, env podenv.Container, chosen contents) (entryPoint, command []string) {
	first, rest := split(values(env.Command), values(env.Args))
	if commandPerPod(in, l, env) && !chosen.private {
		_, rest = split(c.Command, c.Args)
	}
	if !needsStart(in, l, c) {
		return first, rest
	}
	if len(env.Command) > 0 && env.Command[0].PerPod && !chosen.private {
		first = c.Command[:1]
	}
	return []string{toolsShell}, slices.Concat(startWords(in, l, c, !chosen.private), first, rest)
}

func split(command, args []string) (entryPoint, rest []string) {
	if len(command) == 0 {
		return nil, args
	}
	return command[:1], append(slices.Clone(command[1:]), args...)
}

func values(words []podenv.Word) []string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.Value)
	}
	return texts
}

// environment is what the definition holds in clear of a container's variables: those that all replicas share.
func environment(env podenv.Container, chosen contents) []ecstypes.KeyValuePair {
	var pairs []ecstypes.KeyValuePair
	for _, v := range env.Variables {
		if v.Secret || v.PerPod && !chosen.private || v.ServiceLink && chosen.noLinks {
			continue
		}
		pairs = append(pairs, pair(v.Name, v.Value))
	}
	return pairs
}

func pair(name, value string) ecstypes.KeyValuePair {
	return ecstypes.KeyValuePair{Name: aws.String(name), Value: aws.String(value)}
}

// portMappings lists a container's ports. They are for the reader: whoever can reach the pod's address
// can reach all its ports. ECS refuses a number that appears twice in a task, even for TCP and UDP.
func portMappings(ports []corev1.ContainerPort, taken map[int32]bool) []ecstypes.PortMapping {
	var mappings []ecstypes.PortMapping
	for _, p := range ports {
		if taken[p.ContainerPort] || p.Protocol == corev1.ProtocolSCTP {
			continue
		}
		taken[p.ContainerPort] = true
		protocol := ecstypes.TransportProtocolTcp
		if p.Protocol == corev1.ProtocolUDP {
			protocol = ecstypes.TransportProtocolUdp
		}
		mappings = append(mappings, ecstypes.PortMapping{ContainerPort: aws.Int32(p.ContainerPort), Protocol: protocol})
	}
	return mappings
}

// memoryReservation is the request, unless the hard limit says the same: ECS wants the limit to be greater
// than the reservation, and reserves the limit where there is no reservation.
func memoryReservation(c *corev1.Container, settings Settings) *int32 {
	requested := requestedMiB(&c.Resources, settings)
	if limit := limitMiB(&c.Resources); limit > 0 && requested >= limit {
		return nil
	}
	return positive(requested)
}

func stopTimeout(pod *corev1.Pod) int32 {
	seconds := int64(defaultGracePeriod)
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		seconds = *pod.Spec.TerminationGracePeriodSeconds
	}
	return int32(min(max(seconds, minStopTimeout), maxStopTimeout))
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}

func positive(n int64) *int32 {
	if n <= 0 {
		return nil
	}
	return aws.Int32(int32(n))
}

func setOnly(b bool) *bool {
	if !b {
		return nil
	}
	return aws.Bool(true)
}
