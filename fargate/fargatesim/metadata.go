package fargatesim

import (
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// The task metadata endpoint of version 4: what a container learns of itself and its task (developer guide: "Amazon ECS
// task metadata v4 JSON response for tasks on Fargate"). Names and order of the members are the agent's
// (ecs-agent/tmds/handlers/v2 and v4 of amazon-ecs-agent), with what only Fargate adds.

// metadataVariable is in each container's environment, whatever the definition says (amazon-ecs-agent:
// Container.InjectV4MetadataEndpoint sets it last).
const metadataVariable = "ECS_CONTAINER_METADATA_URI_V4"

// metadataURL is where AWS serves it: the developer guide's link-local address of the agent.
const metadataURL = "http://169.254.170.2"

type taskMetadata struct {
	Cluster                 string
	TaskARN                 string
	Family                  string
	Revision                string
	DesiredStatus           string
	KnownStatus             string
	Containers              []containerMetadata
	Limits                  metadataLimits
	PullStartedAt           *time.Time `json:",omitempty"`
	PullStoppedAt           *time.Time `json:",omitempty"`
	ExecutionStoppedAt      *time.Time `json:",omitempty"`
	AvailabilityZone        string
	LaunchType              string
	ClockDrift              clockDrift
	EphemeralStorageMetrics ephemeralStorage
	FaultInjectionEnabled   bool
}

type containerMetadata struct {
	DockerID      string `json:"DockerId"`
	Name          string
	DockerName    string
	Image         string
	ImageID       string `json:",omitempty"`
	Labels        map[string]string
	DesiredStatus string
	KnownStatus   string
	ExitCode      *int32 `json:",omitempty"`
	Limits        metadataLimits
	CreatedAt     *time.Time `json:",omitempty"`
	StartedAt     *time.Time `json:",omitempty"`
	FinishedAt    *time.Time `json:",omitempty"`
	Type          string
	Health        *metadataHealth   `json:",omitempty"`
	LogDriver     string            `json:",omitempty"`
	LogOptions    map[string]string `json:",omitempty"`
	ContainerARN  string
	Networks      []metadataNetwork
	Snapshotter   string
}

// metadataLimits are vCPUs for a task and CPU units for a container; memory is in MiB for both.
type metadataLimits struct {
	CPU    float64 `json:",omitempty"`
	Memory int     `json:",omitempty"`
}

type metadataHealth struct {
	Status string     `json:"status"`
	Since  *time.Time `json:"statusSince,omitempty"`
}

type metadataNetwork struct {
	NetworkMode              string
	IPv4Addresses            []string
	AttachmentIndex          int
	MACAddress               string
	IPv4SubnetCIDRBlock      string
	DomainNameServers        []string
	DomainNameSearchList     []string
	PrivateDNSName           string
	SubnetGatewayIPv4Address string `json:"SubnetGatewayIpv4Address"`
}

type clockDrift struct {
	ClockErrorBound            float64 // milliseconds
	ReferenceTimestamp         time.Time
	ClockSynchronizationStatus string
}

// ephemeralStorage is in MiB. Nobody measures here what is used.
type ephemeralStorage struct{ Utilized, Reserved int }

// storageOverhead is what Fargate shows on top of the size that was asked for: 20 GiB are reserved as 20496 MiB.
const storageOverhead = 16 // MiB

// minContainerUnits are the CPU units of a container that names none: the least weight Linux knows, as Fargate shows it.
const minContainerUnits = 2

// taskMetadata describes a task to its containers. The caller holds mu.
func (s *Server) taskMetadata(t *task) taskMetadata {
	cpu, _ := parseCPU(*t.Cpu)
	memory, _ := parseMemory(*t.Memory)
	m := taskMetadata{
		Cluster: *t.ClusterArn, TaskARN: *t.TaskArn, Family: *t.definition.Family, Revision: text(t.definition.Revision),
		DesiredStatus: *t.DesiredStatus, KnownStatus: knownStatus(t),
		Limits:        metadataLimits{CPU: float64(cpu) / 1024, Memory: memory},
		PullStartedAt: utc(t.PullStartedAt), PullStoppedAt: utc(t.PullStoppedAt), ExecutionStoppedAt: utc(t.ExecutionStoppedAt),
		AvailabilityZone: *t.AvailabilityZone, LaunchType: string(t.LaunchType),
		ClockDrift:              clockDrift{ClockErrorBound: 0.5, ReferenceTimestamp: now().UTC().Truncate(time.Second), ClockSynchronizationStatus: "SYNCHRONIZED"},
		EphemeralStorageMetrics: ephemeralStorage{Reserved: int(t.EphemeralStorage.SizeInGiB)*1024 + storageOverhead},
	}
	for _, member := range t.members {
		m.Containers = append(m.Containers, s.containerMetadata(t, member))
	}
	return m
}

// containerMetadata describes a container. The caller holds mu.
func (s *Server) containerMetadata(t *task, m *member) containerMetadata {
	shown, c := t.Containers[m.index], m.definition
	units, _ := strconv.Atoi(*shown.Cpu)
	memory, _ := strconv.Atoi(deref(shown.Memory))
	out := containerMetadata{
		DockerID: t.runtimeID(m), Name: *c.Name, DockerName: *c.Name, Image: *c.Image, ImageID: deref(shown.ImageDigest),
		Labels:        containerLabels(t, c),
		DesiredStatus: *t.DesiredStatus, KnownStatus: m.knownStatus(shown), ExitCode: shown.ExitCode,
		Limits:    metadataLimits{CPU: float64(max(units, minContainerUnits)), Memory: memory},
		CreatedAt: utc(m.createdAt), StartedAt: utc(m.startedAt), FinishedAt: utc(m.finishedAt),
		Type: "NORMAL", ContainerARN: *shown.ContainerArn, Networks: s.metadataNetworks(t), Snapshotter: "overlayfs",
	}
	if c.HealthCheck != nil {
		out.Health = &metadataHealth{string(shown.HealthStatus), utc(m.healthSince)}
	}
	if l := c.LogConfiguration; l != nil {
		out.LogDriver, out.LogOptions = string(l.LogDriver), logOptions(t, c)
	}
	return out
}

// logOptions are those of the definition; a prefix has become the name of the stream.
func logOptions(t *task, c *ecstypes.ContainerDefinition) map[string]string {
	options := maps.Clone(c.LogConfiguration.Options)
	if prefix, ok := options["awslogs-stream-prefix"]; ok {
		delete(options, "awslogs-stream-prefix")
		options["awslogs-stream"] = logStreamName(prefix, t, c)
	}
	return options
}

func logStreamName(prefix string, t *task, c *ecstypes.ContainerDefinition) string {
	return strings.Join([]string{prefix, *c.Name, lastPart(*t.TaskArn)}, "/")
}

// containerLabels are the definition's and those that ECS adds.
func containerLabels(t *task, c *ecstypes.ContainerDefinition) map[string]string {
	labels := map[string]string{
		"com.amazonaws.ecs.cluster":                 *t.ClusterArn,
		"com.amazonaws.ecs.container-name":          *c.Name,
		"com.amazonaws.ecs.task-arn":                *t.TaskArn,
		"com.amazonaws.ecs.task-definition-family":  *t.definition.Family,
		"com.amazonaws.ecs.task-definition-version": text(t.definition.Revision),
	}
	for name, value := range c.DockerLabels {
		if _, taken := labels[name]; !taken {
			labels[name] = value
		}
	}
	return labels
}

// knownStatus is the state that the agent has seen: that of the container that is least far. One that was pulled counts
// for nothing yet (amazon-ecs-agent: ContainerStatus.TaskStatus).
func knownStatus(t *task) string {
	all := statusStopped
	for _, m := range t.members {
		switch m.knownStatus(t.Containers[m.index]) {
		case agentPulled:
			return agentNone
		case statusRunning:
			all = statusRunning
		}
	}
	return all
}

// States of the agent's that DescribeTasks does not have.
const (
	agentNone   = "NONE"
	agentPulled = "PULLED"
)

// knownStatus of a container that could be asked about: its images were pulled. It runs from the moment that it is
// told to: the agent learns of the start from the engine before the container can ask.
func (m *member) knownStatus(shown ecstypes.Container) string {
	switch {
	case *shown.LastStatus == statusStopped:
		return statusStopped
	case m.startedAt != nil:
		return statusRunning
	}
	return agentPulled
}

func (s *Server) metadataNetworks(t *task) []metadataNetwork {
	if t.eni == nil {
		return nil
	}
	subnet := t.subnet.CIDR.Masked()
	_, domain, _ := strings.Cut(t.eni.dnsName(), ".")
	return []metadataNetwork{{
		NetworkMode: "awsvpc", IPv4Addresses: []string{t.address.String()}, MACAddress: t.eni.mac, IPv4SubnetCIDRBlock: subnet.String(),
		// The resolver is the VPC's base plus two, the gateway the subnet's base plus one (VPC guide: subnet sizing).
		DomainNameServers: []string{s.network.vpc.CIDR.Masked().Addr().Next().Next().String()}, DomainNameSearchList: []string{domain},
		PrivateDNSName:           t.eni.dnsName(),
		SubnetGatewayIPv4Address: netip.PrefixFrom(subnet.Addr().Next(), subnet.Bits()).String(),
	}}
}

// utc is a time as the agent writes it.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return ptr(t.UTC())
}
