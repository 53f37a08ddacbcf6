package launcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// Retire deregisters the active definitions whose family has the prefix and that have been idle for
// keep: no pod used them (inUse says so by family) at any call in that time. It returns how many went.
// A running task keeps its definition even when it is deregistered.
func (l *Launcher) Retire(ctx context.Context, prefix string, inUse func(family string) bool, keep time.Duration) (int, error) {
	families, err := l.families(ctx, prefix)
	if err != nil {
		return 0, err
	}
	var gone int
	var faults []error
	for _, family := range l.definitions.idle(families, inUse, keep) {
		if err := l.deregister(ctx, family); err != nil {
			faults = append(faults, err)
			continue
		}
		gone++
	}
	return gone, errors.Join(faults...)
}

func (l *Launcher) families(ctx context.Context, prefix string) ([]string, error) {
	in := &ecs.ListTaskDefinitionFamiliesInput{FamilyPrefix: &prefix, Status: ecstypes.TaskDefinitionFamilyStatusActive}
	var families []string
	for {
		page, err := l.api.ListTaskDefinitionFamilies(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list task definition families: %w", err)
		}
		families = append(families, page.Families...)
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return families, nil
		}
	}
}

// idle notes which families are in use and returns those that have not been for keep. What it returns
// is forgotten, so that a launch which comes now looks for itself.
func (d *definitions) idle(families []string, inUse func(string) bool, keep time.Duration) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for family, entry := range d.known {
		if entry.launching == 0 && !slices.Contains(families, family) {
			delete(d.known, family) // ECS has none, or does not list it yet: a launch looks for itself
		}
	}
	now := time.Now()
	var idle []string
	for _, family := range families {
		entry := d.known[family]
		if entry == nil {
			entry = &definition{} // of an earlier process: idle since we first saw it
			d.known[family] = entry
		}
		switch {
		case entry.launching > 0 || inUse(family):
			entry.idleSince = time.Time{}
		case entry.idleSince.IsZero():
			entry.idleSince = now
		case now.Sub(entry.idleSince) >= keep:
			entry.arn = ""
			idle = append(idle, family)
		}
	}
	return idle
}

// deregister takes the active revisions of a family away, newest first, until a launch wants the family.
// A revision that ECS still shows as active afterwards is left to the next round.
func (l *Launcher) deregister(ctx context.Context, family string) error {
	var last string
	for !l.definitions.wanted(family) {
		found, err := l.definitions.describe(ctx, family)
		if err != nil || found == nil {
			return err
		}
		arn := aws.ToString(found.TaskDefinition.TaskDefinitionArn)
		if arn == last {
			return nil
		}
		_, err = l.api.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn})
		if err != nil && !awserr.IsDefinitionGone(err) {
			return fmt.Errorf("deregister task definition %s: %w", arn, err)
		}
		last = arn
	}
	return nil
}

// wanted reports whether a launch relies on the family's definition or looks for it.
func (d *definitions) wanted(family string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	entry := d.known[family]
	return entry != nil && (entry.launching > 0 || entry.arn != "")
}
