package launcher

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/singleflight"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// definitions remembers which task definitions ECS has, by family.
type definitions struct {
	api    API
	flight singleflight.Group // one look-up a family

	mu    sync.Mutex // guards known
	known map[string]*definition
}

type definition struct {
	arn       string    // "" while it is looked up, or after it was forgotten
	launching int       // launches under way that rely on it
	idleSince time.Time // when it was first seen without a pod; zero: in use
}

func newDefinitions(api API) *definitions {
	return &definitions{api: api, known: map[string]*definition{}}
}

// get returns the ARN of the translation's definition and holds it until release.
func (d *definitions) get(ctx context.Context, tr taskdef.Translation) (string, error) {
	d.mu.Lock()
	entry := d.known[family(tr)]
	if entry == nil {
		entry = &definition{}
		d.known[family(tr)] = entry
	}
	entry.launching++
	arn := entry.arn
	d.mu.Unlock()
	if arn != "" {
		return arn, nil
	}
	arn, err := d.ensure(ctx, tr)
	if err != nil {
		d.release(tr)
	}
	return arn, err
}

// release ends what get began.
func (d *definitions) release(tr taskdef.Translation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	entry := d.known[family(tr)]
	entry.launching--
	entry.idleSince = time.Time{}
}

func (d *definitions) forget(tr taskdef.Translation) { d.remember(family(tr), "") }

func (d *definitions) remember(family, arn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if entry := d.known[family]; entry != nil {
		entry.arn = arn
	}
}

// ensure finds or registers the definition; all that wait for one family share the answer.
// The shared look-up outlives the one who asked first, so that his end is not everybody's.
func (d *definitions) ensure(ctx context.Context, tr taskdef.Translation) (string, error) {
	shared := d.flight.DoChan(family(tr), func() (any, error) {
		arn, err := d.findOrRegister(context.WithoutCancel(ctx), tr)
		if err == nil {
			d.remember(family(tr), arn)
		}
		return arn, err
	})
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case result := <-shared:
		if result.Err != nil {
			return "", result.Err
		}
		return result.Val.(string), nil
	}
}

func (d *definitions) findOrRegister(ctx context.Context, tr taskdef.Translation) (string, error) {
	found, err := d.describe(ctx, family(tr))
	if err != nil {
		return "", err
	}
	if found != nil && trusted(tr, found) {
		return aws.ToString(found.TaskDefinition.TaskDefinitionArn), nil
	}
	out, err := d.api.RegisterTaskDefinition(ctx, tr.Definition)
	if err != nil {
		return "", fmt.Errorf("register task definition %s: %w", family(tr), err)
	}
	return aws.ToString(out.TaskDefinition.TaskDefinitionArn), nil
}

// describe returns the newest active definition of a family, nil if there is none.
func (d *definitions) describe(ctx context.Context, family string) (*ecs.DescribeTaskDefinitionOutput, error) {
	out, err := d.api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &family,
		Include:        []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags},
	})
	switch {
	case awserr.IsDefinitionGone(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe task definition %s: %w", family, err)
	case out.TaskDefinition.Status != ecstypes.TaskDefinitionStatusActive:
		return nil, nil
	}
	return out, nil
}

// trusted reports whether a definition found under the family is the one that we would register: a
// family is only a name, and anybody may register under it.
func trusted(tr taskdef.Translation, found *ecs.DescribeTaskDefinitionOutput) bool {
	for _, tag := range found.Tags {
		if aws.ToString(tag.Key) == taskdef.TagDigest && aws.ToString(tag.Value) == tr.Digest {
			return taskdef.Same(tr.Definition, found.TaskDefinition)
		}
	}
	return false
}

func family(tr taskdef.Translation) string { return aws.ToString(tr.Definition.Family) }
