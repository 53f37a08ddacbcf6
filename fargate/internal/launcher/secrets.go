package launcher

import (
	"context"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// Secrets are the ARNs of the Secrets Manager secrets that active definitions name, of the families that
// have the prefix. An error leaves open what is named.
func (l *Launcher) Secrets(ctx context.Context, prefix string) (map[string]bool, error) {
	families, err := l.families(ctx, prefix)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, family := range families {
		found, err := l.definitions.describe(ctx, family)
		if err != nil {
			return nil, err
		}
		if found == nil {
			continue
		}
		for _, arn := range taskdef.SecretARNs(found.TaskDefinition.ContainerDefinitions) {
			named[arn] = true
		}
	}
	return named, nil
}
