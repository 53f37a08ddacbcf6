package fargatesim

import (
	"context"
	"strings"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// provision gives the task its network interface and its sandbox, and makes it PENDING. False: it has to stop.
func (s *Server) provision(ctx context.Context, t *task) bool {
	if !wait(ctx, s.config.Delays.Provisioning) || !s.attach(t) || !s.attachVolume(t) {
		return false
	}
	sandbox, err := s.config.Runtime.Sandbox(ctx, taskSpec(t))
	if err != nil {
		if ctx.Err() == nil {
			s.fail(t, err.Error())
		}
		return false
	}
	t.sandbox = sandbox
	return s.rise(t, statusPending, func() {
		t.Attachments[0].Status = ptr("ATTACHED")
		t.Connectivity, t.ConnectivityAt = ecstypes.ConnectivityConnected, ptr(now())
		for i := range t.Containers {
			t.Containers[i].NetworkInterfaces = []ecstypes.NetworkInterface{
				{AttachmentId: t.Attachments[0].Id, PrivateIpv4Address: ptr(t.address.String())}}
		}
	})
}

// attach makes the network interface.
func (s *Server) attach(t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *t.DesiredStatus == statusStopped {
		return false
	}
	if err := s.assume(t); err != nil {
		s.stop(t, ecstypes.TaskStopCodeTaskFailedToStart, err.Message)
		return false
	}
	t.eni = s.network.attach(t.subnet, *t.Attachments[0].Id, t.groups, t.public)
	if t.eni == nil {
		s.stop(t, ecstypes.TaskStopCodeTaskFailedToStart,
			"Unexpected EC2 error while attempting to Create Network Interface in subnet '"+t.subnet.ID+"': InsufficientFreeAddressesInSubnet")
		return false
	}
	t.address = t.eni.address
	t.Attachments[0].Status = ptr("ATTACHING")
	t.Attachments[0].Details = attachmentDetails(t.eni)
	s.change(t)
	return true
}

func attachmentDetails(i *networkInterface) []ecstypes.KeyValuePair {
	return []ecstypes.KeyValuePair{
		{Name: ptr("subnetId"), Value: &i.subnet.ID},
		{Name: ptr("networkInterfaceId"), Value: &i.id},
		{Name: ptr("macAddress"), Value: &i.mac},
		{Name: ptr("privateDnsName"), Value: ptr(i.dnsName())},
		{Name: ptr("privateIPv4Address"), Value: ptr(i.address.String())},
	}
}

// pull fetches what the task needs, its images last, then makes the task ACTIVATING.
func (s *Server) pull(ctx context.Context, t *task) bool {
	s.mu.Lock()
	err := s.initialize(t)
	s.mu.Unlock()
	if err == nil {
		err = s.mountFileSystems(ctx, t)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.fail(t, err.Error())
		}
		return false
	}
	s.rise(t, statusPending, func() { t.PullStartedAt = ptr(now()) })
	if !wait(ctx, s.config.Delays.Pending) {
		return false
	}
	for _, m := range t.members {
		digest, err := s.pullImage(ctx, t.sandbox, m)
		if err != nil {
			s.failPull(ctx, t, m, err)
			return false
		}
		s.digest(t, m, digest)
	}
	return s.rise(t, statusActivating, func() { t.PullStoppedAt = ptr(now()) }) && wait(ctx, s.config.Delays.Activating)
}

func (s *Server) pullImage(ctx context.Context, sandbox Sandbox, m *member) (string, error) {
	image := *m.definition.Image
	s.mu.Lock()
	text := s.faults.pull[image]
	host, _, _ := strings.Cut(image, "/")
	if wanted, private := s.faults.private[host]; text == "" && private && m.login != wanted {
		text = "pull image manifest has been retried 1 time(s): failed to resolve ref " + image + ": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized"
	}
	s.mu.Unlock()
	if text != "" {
		return "", newError("pull", "%s", text)
	}
	return sandbox.Pull(ctx, image)
}

func (s *Server) digest(t *task, m *member, digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if digest != "" {
		t.Containers[m.index].ImageDigest = &digest
	}
}

// failPull stops the task in the words of "CannotPullContainer task errors" of the developer guide.
func (s *Server) failPull(ctx context.Context, t *task, m *member, err error) {
	if ctx.Err() != nil {
		return
	}
	message := err.Error()
	if e, ok := err.(*Error); ok {
		message = e.Message
	}
	reason := "CannotPullContainerError: " + message
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Containers[m.index].Reason = ptr(cut(reason))
	s.stop(t, ecstypes.TaskStopCodeTaskFailedToStart, reason)
}

// cut shortens a reason of a container to what AWS keeps of it.
func cut(reason string) string {
	const most = 1024 // characters; developer guide, since 2025-05
	if len(reason) > most {
		return reason[:most]
	}
	return reason
}

// deprovision takes sandbox and network interface away and ends the task.
func (s *Server) deprovision(ctx context.Context, t *task) {
	if ctx.Err() == nil {
		s.update(t, func() {
			t.LastStatus, t.ExecutionStoppedAt = ptr(statusDeprovisioning), ptr(now())
			t.Attachments[0].Status = ptr("DETACHING")
			if v := t.volume; v != nil && v.made {
				t.Attachments[v.attachment].Status = ptr("DETACHING")
			}
			for i := range t.Containers {
				t.Containers[i].LastStatus = ptr(statusStopped)
			}
		})
	}
	if t.sandbox != nil {
		s.remove(ctx, t)
	}
	if !wait(ctx, s.config.Delays.Deprovisioning) {
		return
	}
	s.update(t, func() {
		if t.eni != nil {
			s.network.remove(t.eni)
			t.eni = nil
		}
		t.Attachments[0].Status = ptr("DELETED")
		s.detachVolume(t)
		t.LastStatus, t.StoppedAt = ptr(statusStopped), ptr(now())
	})
	s.config.Log.Info("task stopped", "task", lastPart(*t.TaskArn))
}

// remove also runs when the Server ends, so it has a limit of its own.
func (s *Server) remove(ctx context.Context, t *task) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := t.sandbox.Remove(limited); err != nil {
		s.config.Log.Error("sandbox not removed", "task", lastPart(*t.TaskArn), "error", err)
	}
}
