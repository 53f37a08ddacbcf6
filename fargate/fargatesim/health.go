package fargatesim

import (
	"context"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// watchHealth runs the health check of a container until ctx ends, and keeps the container's and the task's health.
// ECS only reports it: the health of a task that no service owns stops nothing (SDK doc: HealthCheck). It makes no new
// version of the task: versions count changes that start an event (SDK doc: Task.Version), and no event tells of health.
func (s *Server) watchHealth(ctx context.Context, t *task, m *member, container Container) {
	check := m.definition.HealthCheck
	if check == nil {
		return
	}
	command := check.Command[1:]
	if check.Command[0] == "CMD-SHELL" {
		command = append([]string{"/bin/sh", "-c"}, command...)
	}
	seconds := func(n *int32) time.Duration { return time.Duration(deref(n)) * time.Second }
	start, failures := now(), 0
	for wait(ctx, seconds(check.Interval)) {
		limited, cancel := context.WithTimeout(ctx, seconds(check.Timeout))
		code, err := container.Exec(limited, command)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && code == 0:
			failures = 0
			s.setHealth(t, m, ecstypes.HealthStatusHealthy)
		case now().Sub(start) < seconds(check.StartPeriod): // failures do not count yet
		default:
			if failures++; failures >= int(deref(check.Retries)) {
				s.setHealth(t, m, ecstypes.HealthStatusUnhealthy)
			}
		}
	}
}

func (s *Server) setHealth(t *task, m *member, health ecstypes.HealthStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Containers[m.index].HealthStatus == health {
		return
	}
	t.Containers[m.index].HealthStatus, m.healthSince = health, ptr(now())
	t.HealthStatus = taskHealth(t)
	if health == ecstypes.HealthStatusHealthy {
		select {
		case <-m.healthy:
		default:
			close(m.healthy)
		}
	}
	s.announce()
}

// taskHealth is the worst health of the essential containers that have a health check (SDK doc: HealthCheck).
func taskHealth(t *task) ecstypes.HealthStatus {
	health := ecstypes.HealthStatusUnknown
	for _, m := range t.members {
		if m.definition.HealthCheck == nil || !m.isEssential() {
			continue
		}
		switch t.Containers[m.index].HealthStatus {
		case ecstypes.HealthStatusUnhealthy:
			return ecstypes.HealthStatusUnhealthy
		case ecstypes.HealthStatusUnknown:
			return ecstypes.HealthStatusUnknown
		}
		health = ecstypes.HealthStatusHealthy
	}
	return health
}
