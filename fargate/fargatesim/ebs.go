package fargatesim

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Snapshot is a snapshot of an EBS volume in the account.
type Snapshot struct {
	ID         string // "snap-0123456789abcdef0"
	SizeGiB    int
	Filesystem ecstypes.TaskFilesystemType
}

// EBSVolume is a volume that ECS has made for a task.
type EBSVolume struct {
	ID         string // "vol-0123456789abcdef0"
	Name       string // in the task definition
	TaskARN    string
	SizeGiB    int
	Type       string // empty: not said
	Filesystem ecstypes.TaskFilesystemType
	SnapshotID string // empty: it began empty
	Attached   bool   // false: it was left behind by its task
	Tags       map[string]string
}

// blockStorage is the type of the attachment of a volume (SDK doc: Attachment).
const blockStorage = "AmazonElasticBlockStorage"

// volume is the EBS volume of a task. The Server's mu guards it.
type volume struct {
	EBSVolume
	configuration ecstypes.TaskManagedEBSVolumeConfiguration
	passedBy      *principal // who called RunTask
	attachment    int        // in Task.Attachments
	made          bool       // it exists
}

func (v *volume) deleteOnTermination() bool {
	p := v.configuration.TerminationPolicy
	return p == nil || deref(or(p.DeleteOnTermination, ptr(true))) // SDK doc: TaskManagedEBSVolumeTerminationPolicy
}

// mount is how a volume of the definition is mounted; nil: it is not this one, or there is none.
func (v *volume) mount(name string) *BlockMount {
	if v == nil || v.Name != name {
		return nil
	}
	return &BlockMount{v.ID, v.SizeGiB, string(v.Filesystem)}
}

// EBSVolumes returns the volumes that exist, oldest first: those of tasks, and those that tasks have left behind.
func (s *Server) EBSVolumes() []EBSVolume {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.volumes)
}

// FailVolumes lets the next n volumes fail to attach for a reason, in AWS's words as a rule.
func (s *Server) FailVolumes(n int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.volumes = append(s.faults.volumes, slices.Repeat([]string{reason}, n)...)
}

// planVolume adds the attachment of the volume that RunTask configures. The caller holds mu.
func (s *Server) planVolume(t *task, in *ecs.RunTaskInput) {
	if len(in.VolumeConfigurations) == 0 {
		return
	}
	given := clone(in.VolumeConfigurations[0])
	t.volume = &volume{configuration: *given.ManagedEBSVolume, passedBy: s.calling, attachment: len(t.Attachments)}
	t.volume.EBSVolume = EBSVolume{
		Name: *given.Name, TaskARN: *t.TaskArn, SizeGiB: int(deref(given.ManagedEBSVolume.SizeInGiB)), Type: deref(given.ManagedEBSVolume.VolumeType),
		Filesystem: or(given.ManagedEBSVolume.FilesystemType, ecstypes.TaskFilesystemTypeXfs), SnapshotID: deref(given.ManagedEBSVolume.SnapshotId),
	}
	t.Attachments = append(t.Attachments, ecstypes.Attachment{
		Id: ptr(requestID()), Type: ptr(blockStorage), Status: ptr("PRECREATED"), Details: t.volume.details(""),
	})
}

// details of the attachment (SDK doc: Attachment.Details); a reason only where it failed.
func (v *volume) details(reason string) []ecstypes.KeyValuePair {
	details := []ecstypes.KeyValuePair{
		{Name: ptr("roleArn"), Value: v.configuration.RoleArn},
		{Name: ptr("volumeName"), Value: ptr(v.Name)},
		{Name: ptr("deleteOnTermination"), Value: ptr(strconv.FormatBool(v.deleteOnTermination()))},
	}
	if v.ID != "" {
		details = append(details, ecstypes.KeyValuePair{Name: ptr("volumeId"), Value: ptr(v.ID)})
	}
	if reason != "" {
		details = append(details, ecstypes.KeyValuePair{Name: ptr("statusReason"), Value: ptr(reason)})
	}
	return details
}

// attachVolume makes the volume and attaches it. False: the task has to stop.
func (s *Server) attachVolume(t *task) bool {
	v := t.volume
	if v == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if *t.DesiredStatus == statusStopped {
		return false
	}
	shown := &t.Attachments[v.attachment]
	if reason := s.volumeFault(t, v); reason != "" {
		shown.Status, shown.Details = ptr("FAILED"), v.details(reason)
		s.change(t)
		s.stop(t, ecstypes.TaskStopCodeTaskFailedToStart, reason)
		return false
	}
	v.ID, v.Attached, v.made, v.Tags = "vol-"+hexID(17), true, true, volumeTags(t)
	s.volumes = append(s.volumes, v.EBSVolume)
	for _, status := range []string{"CREATED", "ATTACHING", "ATTACHED"} {
		shown.Status, shown.Details = ptr(status), v.details("")
		s.change(t)
	}
	return true
}

// volumeFault is why the volume cannot be made or attached; empty: it can. The caller holds mu.
func (s *Server) volumeFault(t *task, v *volume) string {
	if queue := s.faults.volumes; len(queue) > 0 {
		s.faults.volumes = queue[1:]
		return queue[0]
	}
	if reason := s.infrastructureFault(t, v); reason != "" || v.SnapshotID == "" {
		return reason
	}
	i := slices.IndexFunc(s.config.Snapshots, func(s Snapshot) bool { return s.ID == v.SnapshotID })
	if i < 0 {
		return "The snapshot '" + v.SnapshotID + "' does not exist."
	}
	from := s.config.Snapshots[i]
	v.SizeGiB = or(v.SizeGiB, from.SizeGiB)
	switch {
	case v.SizeGiB < from.SizeGiB: // EC2 API reference: CreateVolume.Size
		return "The size of a volume cannot be smaller than the size of its snapshot."
	case v.Filesystem != from.Filesystem: // SDK doc: "If there is a filesystem type mismatch, the task will fail to start."
		return "The filesystem type of the snapshot '" + v.SnapshotID + "' is not " + string(v.Filesystem) + "."
	}
	return ""
}

// infrastructureFault checks that ECS may do with the infrastructure role what it has to. That the caller may not pass
// the role shows here too, and not as an answer to RunTask (developer guide: "Status reasons for Amazon EBS volume
// attachment to Amazon ECS tasks", which names both for this reason).
func (s *Server) infrastructureFault(t *task, v *volume) string {
	role := *v.configuration.RoleArn
	pass := access{action: "iam:PassRole", resource: role, keys: map[string][]string{"iam:PassedToService": {"ecs.amazonaws.com"}}}
	if s.authorize(v.passedBy, pass) != nil || !s.canAssume(t, role, "ecs.amazonaws.com") {
		return "ECS was unable to assume the configured ECS Infrastructure Role '" + role + "'. Please verify that the role being passed has the proper trust relationship with Amazon ECS."
	}
	if s.iam == nil {
		return ""
	}
	create := access{action: "ec2:CreateVolume", resource: "arn:aws:ec2:" + s.config.Region + ":" + s.config.Account + ":volume/*",
		keys: map[string][]string{"aws:RequestTag/AmazonECSCreated": {*t.TaskArn}, "aws:RequestTag/AmazonECSManaged": {"true"}}}
	name := lastPart(role)
	session := "arn:aws:sts::" + s.config.Account + ":assumed-role/" + name + "/ECSTaskVolumesForEBS" // developer guide: infrastructure role
	if err := s.authorize(&principal{session, s.iam.roles[name].policies, s.iam.roles[name].asked}, create); err != nil {
		return asError(err).Message
	}
	return ""
}

// volumeTags are those of the request, and ECS's own.
func volumeTags(t *task) map[string]string {
	tags := map[string]string{"AmazonECSCreated": *t.TaskArn, "AmazonECSManaged": "true"}
	for _, specification := range t.volume.configuration.TagSpecifications {
		for _, tag := range specification.Tags {
			tags[deref(tag.Key)] = deref(tag.Value)
		}
	}
	return tags
}

// detachVolume deletes the volume, or leaves it in the account. The caller holds mu.
func (s *Server) detachVolume(t *task) {
	v := t.volume
	if v == nil || !v.made {
		return
	}
	t.Attachments[v.attachment].Status = ptr("DELETED")
	i := slices.IndexFunc(s.volumes, func(other EBSVolume) bool { return other.ID == v.ID })
	s.volumes[i].Attached = false
	if v.deleteOnTermination() {
		s.volumes = slices.Delete(s.volumes, i, i+1)
	}
}
