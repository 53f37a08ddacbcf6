package fargate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

const (
	orphanLook = 2 * time.Minute // between looks for orphans; an orphan is stopped at its second
	// Idle definitions are looked for four times in their keep time, within these.
	soonestRetire, latestRetire = 5 * time.Second, 15 * time.Minute
	// Secrets that no definition names are looked for every secretLook, and go at the second look: secretKeep is much longer
	// than a launch takes from publishing to the registered definition, and shorter than between the quickest of looks.
	secretLook, secretKeep = time.Hour, 45 * time.Minute
)

// sweep cleans up behind lost events and killed processes, once everything is recovered: tasks and
// joins whose pod is gone, definitions that nobody uses, and secrets that no definition names.
func (p *Provider) sweep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-p.recovered:
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		suspects := map[string]bool{}
		return every(ctx, orphanLook, func() { suspects = p.stopOrphans(ctx, suspects) })
	})
	keep := p.account.config.TaskDefinitions.KeepTime
	group.Go(func() error {
		return every(ctx, min(max(keep/4, soonestRetire), latestRetire), func() { p.retire(ctx, keep) })
	})
	group.Go(func() error {
		published := p.account.config.ExecutionRoleARN != "" // else nothing is, but may have been
		return every(ctx, secretLook, func() { published = p.sweepSecrets(ctx, published) })
	})
	return group.Wait()
}

func every(ctx context.Context, pause time.Duration, do func()) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			do()
		}
	}
}

// stopOrphans stops the tasks of ours whose pod is gone, if they were suspects at the last look too; it
// returns the suspects of this one. Joins whose object is gone are ended the same way.
func (p *Provider) stopOrphans(ctx context.Context, before map[string]bool) (suspects map[string]bool) {
	suspects = map[string]bool{}
	for _, j := range p.joins.list(func(j *join) bool { return !j.gone }) {
		live, err := p.pods.Pods(j.pod.Namespace).Get(j.pod.Name)
		if err == nil && live.UID == j.pod.UID {
			continue
		}
		if suspects[string(j.pod.UID)] = true; before[string(j.pod.UID)] {
			p.end(j.pod.UID, true)
		}
	}
	tasks, err := p.tracker.List(ctx, p.owner.StartedBy())
	if err != nil {
		p.log.Debug("look for orphaned tasks", "error", err)
		return before
	}
	for _, task := range tasks {
		arn := aws.ToString(task.TaskArn)
		if p.reunite(task) || !p.orphaned(task) {
			continue
		}
		if suspects[arn] = true; before[arn] {
			p.stopOrphan(ctx, arn)
		}
	}
	return suspects
}

// orphaned reports whether a task of ours is meant to run and runs no pod.
func (p *Provider) orphaned(task ecstypes.Task) bool {
	id, ok := podid.FromTask(task)
	if !ok || id.Owner != p.owner || aws.ToString(task.DesiredStatus) != string(ecstypes.DesiredStatusRunning) {
		return false
	}
	if p.namespace != "" && id.Namespace != p.namespace {
		return false // its pod is not listed here
	}
	j, known := p.joins.get(id.UID)
	return !known || !j.launching && j.taskARN != aws.ToString(task.TaskArn) || j.over && !j.deleting
}

func (p *Provider) stopOrphan(ctx context.Context, taskARN string) {
	if err := p.launcher.Stop(ctx, taskARN, "its pod is gone"); err != nil {
		p.log.Info("stop of orphaned task postponed", "task", taskARN, "error", err)
		return
	}
	p.log.Info("orphaned task stopping", "task", taskARN)
}

// retire deregisters definitions that no pod has used for the keep time.
func (p *Provider) retire(ctx context.Context, keep time.Duration) {
	inUse := p.joins.familiesInUse()
	gone, err := p.launcher.Retire(ctx, p.owner.FamilyPrefix(), func(family string) bool { return inUse[family] }, keep)
	if err != nil {
		p.log.Info("clean-up of idle task definitions goes on later", "error", err)
	}
	if gone > 0 {
		p.log.Info("idle task definitions deregistered", "count", gone)
	}
}

// sweepSecrets deletes the values in Secrets Manager that no definition has named for a while. Where nothing was
// published, as far as is known, and no definition names a secret, it asks nothing of Secrets Manager, which a node
// without secrets need not be allowed. It reports what is known now.
func (p *Provider) sweepSecrets(ctx context.Context, published bool) bool {
	named, err := p.launcher.Secrets(ctx, p.owner.FamilyPrefix())
	if err != nil {
		p.log.Info("clean-up of secrets goes on later", "error", err)
		return published
	}
	if published = published || len(named) > 0; !published {
		return false
	}
	gone, err := p.secrets.Sweep(ctx, func(arn string) bool { return named[arn] }, secretKeep)
	if err != nil {
		p.log.Info("clean-up of secrets goes on later", "error", err)
	}
	if gone > 0 {
		p.log.Info("secrets that no definition names deleted", "count", gone)
	}
	return true
}
