//lint:file-ignore SA1019 AWS still sends and takes what its SDK marks as deprecated

package fargatesim

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// launchKey: client tokens are scoped to a cluster (developer guide: idempotency).
type launchKey struct{ clusterARN, token string }

// launch is what a client token stands for.
type launch struct {
	request string // what was asked
	tasks   []*task
	at      time.Time
}

// tokenLife is the longest life of a client token; it also ends an hour after its tasks (developer guide: idempotency).
const (
	tokenLife  = 24 * time.Hour
	tokenAfter = time.Hour
)

func (s *Server) runTask(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if deref(in.ClientToken) != "" {
		if err := checkClientToken(*in.ClientToken); err != nil {
			return nil, err
		}
		if earlier := s.launches[launchKey{*c.ClusterArn, *in.ClientToken}]; earlier != nil {
			return s.repeat(earlier, in)
		}
	}
	d, err := s.runnable(*in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	spot, err := s.checkRun(in, c, d)
	if err != nil {
		return nil, err
	}
	return s.launch(in, c, d, spot)
}

// runnable finds the definition that RunTask names.
func (s *Server) runnable(name string) (*definition, error) {
	d := s.definition(name)
	switch {
	case d == nil:
		return nil, clientError("TaskDefinition not found.")
	case d.Status != ecstypes.TaskDefinitionStatusActive:
		return nil, clientError("TaskDefinition is inactive")
	}
	return d, nil
}

// launch starts the tasks of a checked request.
func (s *Server) launch(in *ecs.RunTaskInput, c *cluster, d *definition, spot bool) (*ecs.RunTaskOutput, error) {
	count := int(deref(or(in.Count, ptr[int32](1))))
	bucket := "fargate on-demand launch"
	if spot {
		bucket = "fargate spot launch"
	}
	if err := s.launchTokens(bucket, count); err != nil {
		return nil, err
	}
	out := &ecs.RunTaskOutput{Tasks: []ecstypes.Task{}, Failures: []ecstypes.Failure{}}
	var started []*task
	for range count {
		if reason := s.refusal(in, d); reason != "" {
			out.Failures = append(out.Failures, ecstypes.Failure{Reason: &reason})
			continue
		}
		t := s.newTask(in, c, d, spot)
		started = append(started, t)
		out.Tasks = append(out.Tasks, s.shown(t, true))
		s.deliver(t)
		s.config.Log.Info("task accepted", "task", lastPart(*t.TaskArn), "definition", lastPart(*d.TaskDefinitionArn))
	}
	if token := deref(in.ClientToken); token != "" && len(started) > 0 {
		s.launches[launchKey{*c.ClusterArn, token}] = &launch{fingerprint(in), started, now()}
	}
	return out, nil
}

// refusal is the reason why there is no room for one more task; empty: there is.
func (s *Server) refusal(in *ecs.RunTaskInput, d *definition) string {
	if queue := s.faults.capacity; len(queue) > 0 {
		s.faults.capacity = queue[1:]
		return queue[0]
	}
	if s.config.VCPUs == 0 {
		return ""
	}
	used := taskUnits(in.Overrides, d)
	for _, t := range s.order {
		if *t.LastStatus != statusStopped {
			used += taskUnits(t.Overrides, t.definition)
		}
	}
	if used > s.config.VCPUs*1024 {
		return "You've reached the limit on the number of vCPUs you can run concurrently"
	}
	return ""
}

func taskUnits(o *ecstypes.TaskOverride, d *definition) int {
	cpu := deref(d.Cpu)
	if o != nil {
		cpu = or(deref(o.Cpu), cpu)
	}
	units, _ := parseCPU(cpu)
	return units
}

// fingerprint is the part of a request that must be the same for the same token.
func fingerprint(in *ecs.RunTaskInput) string {
	plain := *in
	plain.ClientToken = nil
	return string(encode(plain))
}

// repeat answers a request whose token is known already.
func (s *Server) repeat(l *launch, in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	if l.request != fingerprint(in) {
		var arns []string
		for _, t := range l.tasks {
			arns = append(arns, *t.TaskArn)
		}
		return nil, &Error{Code: "ConflictException", Members: map[string]any{"resourceIds": arns},
			Message: "The specified client token was used with different parameters. Use a unique client token, or the original parameters."}
	}
	out := &ecs.RunTaskOutput{Tasks: []ecstypes.Task{}, Failures: []ecstypes.Failure{}}
	for _, t := range l.tasks {
		if *t.LastStatus != statusStopped {
			out.Tasks = append(out.Tasks, s.shown(t, true))
			continue
		}
		// Developer guide, idempotency: of a stopped task only these members come back.
		out.Tasks = append(out.Tasks, ecstypes.Task{TaskArn: t.TaskArn, LastStatus: t.LastStatus, DesiredStatus: t.DesiredStatus})
	}
	return out, nil
}

func (s *Server) forgetLaunches() {
	for key, l := range s.launches {
		over := now().Sub(l.at) >= tokenLife
		for _, t := range l.tasks {
			over = over || t.StoppedAt != nil && now().Sub(*t.StoppedAt) >= tokenAfter
		}
		if over {
			delete(s.launches, key)
		}
	}
}

// newTask makes a task in its first state.
func (s *Server) newTask(in *ecs.RunTaskInput, c *cluster, d *definition, spot bool) *task {
	vpc := in.NetworkConfiguration.AwsvpcConfiguration
	id := hexID(32)
	at := s.network.subnet(vpc.Subnets[len(s.order)%len(vpc.Subnets)])
	t := &task{
		cluster: c, definition: d, subnet: at, groups: vpc.SecurityGroups,
		public:   vpc.AssignPublicIp == ecstypes.AssignPublicIpEnabled,
		stopping: make(chan struct{}), terminating: make(chan struct{}),
	}
	t.Task = ecstypes.Task{
		TaskArn: ptr(s.taskARN(c, id)), ClusterArn: c.ClusterArn, TaskDefinitionArn: d.TaskDefinitionArn,
		LastStatus: ptr(statusProvisioning), DesiredStatus: ptr(statusRunning), CreatedAt: ptr(now()),
		LaunchType: ecstypes.LaunchTypeFargate, PlatformVersion: ptr("1.4.0"), PlatformFamily: ptr("Linux"),
		AvailabilityZone: &at.Zone, StartedBy: in.StartedBy, Group: or(in.Group, ptr("family:"+*d.Family)),
		Overrides: allOverrides(in.Overrides, d), Cpu: d.Cpu, Memory: d.Memory,
		EphemeralStorage: &ecstypes.EphemeralStorage{SizeInGiB: 20}, FargateEphemeralStorage: &ecstypes.TaskEphemeralStorage{SizeInGiB: 20},
		EnableExecuteCommand: in.EnableExecuteCommand, HealthStatus: ecstypes.HealthStatusUnknown,
		Attributes: []ecstypes.Attribute{{Name: ptr("ecs.cpu-architecture"), Value: ptr(architecture(d))}},
		Attachments: []ecstypes.Attachment{{Id: ptr(requestID()), Type: ptr("ElasticNetworkInterface"), Status: ptr("PRECREATED"),
			Details: []ecstypes.KeyValuePair{{Name: ptr("subnetId"), Value: &at.ID}}}},
		InferenceAccelerators: []ecstypes.InferenceAccelerator{}, Tags: taskTags(in, c, d),
	}
	s.applyOverrides(t)
	s.planVolume(t, in)
	if spot {
		t.CapacityProviderName = ptr("FARGATE_SPOT")
	} else if len(in.CapacityProviderStrategy) > 0 {
		t.CapacityProviderName = ptr("FARGATE")
	}
	for i := range d.ContainerDefinitions {
		t.members = append(t.members, newMember(&d.ContainerDefinitions[i], i, id))
		t.Containers = append(t.Containers, s.newContainer(t, &d.ContainerDefinitions[i]))
	}
	s.tasks[*t.TaskArn] = t
	s.order = append(s.order, t)
	s.change(t)
	return t
}

func architecture(d *definition) string {
	if d.RuntimePlatform == nil {
		return "x86_64"
	}
	return strings.ToLower(string(or(d.RuntimePlatform.CpuArchitecture, ecstypes.CPUArchitectureX8664)))
}

func taskTags(in *ecs.RunTaskInput, c *cluster, d *definition) []ecstypes.Tag {
	var managed, propagated []ecstypes.Tag
	if in.EnableECSManagedTags {
		managed = []ecstypes.Tag{{Key: ptr("aws:ecs:clusterName"), Value: c.ClusterName}}
	}
	if in.PropagateTags == ecstypes.PropagateTagsTaskDefinition {
		propagated = d.tags
	}
	return mergeTags(ecsTag, managed, propagated, in.Tags)
}

// newContainer is a container of a new task as DescribeTasks shows it.
func (s *Server) newContainer(t *task, c *ecstypes.ContainerDefinition) ecstypes.Container {
	shown := ecstypes.Container{
		ContainerArn: ptr(s.arn("ecs", "container/"+*t.cluster.ClusterName+"/"+lastPart(*t.TaskArn)+"/"+requestID())),
		TaskArn:      t.TaskArn, Name: c.Name, Image: c.Image, LastStatus: ptr(statusPending),
		NetworkInterfaces: []ecstypes.NetworkInterface{}, NetworkBindings: []ecstypes.NetworkBinding{},
		HealthStatus: ecstypes.HealthStatusUnknown,
	}
	o := containerOverride(t.Overrides, *c.Name)
	shown.Cpu = ptr(text(or(deref(o.Cpu), c.Cpu)))
	if memory := or(o.Memory, c.Memory); memory != nil {
		shown.Memory = ptr(text(*memory))
	}
	if memory := or(o.MemoryReservation, c.MemoryReservation); memory != nil {
		shown.MemoryReservation = ptr(text(*memory))
	}
	return shown
}
