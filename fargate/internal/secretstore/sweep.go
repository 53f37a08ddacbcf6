package secretstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// Sweep deletes the owner's secrets that nobody has needed for keep: no definition named them (inUse says so
// by ARN) and none was given out by Publish at or since a look that long ago. A single look deletes
// nothing. It returns how many went. keep must be longer than a launch may take from publishing to the
// registered definition. They go without recovery, for Kubernetes holds the values.
func (s *Store) Sweep(ctx context.Context, inUse func(secretARN string) bool, keep time.Duration) (int, error) {
	ours, err := s.list(ctx)
	if err != nil {
		return 0, err
	}
	var deleted int
	var faults []error
	for _, arn := range s.idle(ours, inUse, keep) {
		if !s.condemn(arn) {
			continue
		}
		_, err := s.api.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &arn, ForceDeleteWithoutRecovery: aws.Bool(true)})
		if err != nil && !is[*smtypes.ResourceNotFoundException](err) {
			s.pardon(arn)
			faults = append(faults, fmt.Errorf("delete secret %s: %w", arn, err))
			continue
		}
		deleted++
	}
	return deleted, errors.Join(faults...)
}

// list returns the ARNs of all secrets that are ours by name and tag, those pending deletion left out.
func (s *Store) list(ctx context.Context) ([]string, error) {
	in := &secretsmanager.ListSecretsInput{
		MaxResults: aws.Int32(100), // API reference: ListSecrets
		Filters:    []smtypes.Filter{{Key: smtypes.FilterNameStringTypeName, Values: []string{s.prefix}}},
	}
	var arns []string
	for {
		page, err := s.api.ListSecrets(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list secrets: %w", err)
		}
		for _, entry := range page.SecretList {
			if strings.HasPrefix(aws.ToString(entry.Name), s.prefix) && s.isOurs(entry.Tags) {
				arns = append(arns, aws.ToString(entry.ARN))
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return arns, nil
		}
	}
}

// idle notes which secrets nobody needs and returns those that nobody has needed for keep. What AWS no
// longer lists is forgotten.
func (s *Store) idle(arns []string, inUse func(string) bool, keep time.Duration) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	unlisted := func(arn string) bool { return !slices.Contains(arns, arn) }
	maps.DeleteFunc(s.unused, func(arn string, _ time.Time) bool { return unlisted(arn) })
	maps.DeleteFunc(s.gone, func(arn string, _ bool) bool { return unlisted(arn) })
	maps.DeleteFunc(s.passing, func(_ podenv.Address, r renewed) bool { return unlisted(r.where.ARN) && now.Sub(r.seen) >= recheck })
	for address, k := range s.known {
		if unlisted(k.where.ARN) && now.Sub(k.seen) >= recheck {
			delete(s.known, address)
		}
	}
	var idle []string
	for _, arn := range arns {
		since, noted := s.unused[arn]
		switch {
		case s.gone[arn]: // AWS goes on listing it for a while
		case inUse(arn):
			delete(s.unused, arn)
		case !noted:
			s.unused[arn] = now
		case now.Sub(since) >= keep:
			idle = append(idle, arn)
		}
	}
	return idle
}

// condemn keeps a secret from being given out; false: it was given out since it was found idle.
func (s *Store) condemn(arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, idle := s.unused[arn]; !idle {
		return false
	}
	s.gone[arn] = true
	maps.DeleteFunc(s.known, func(_ podenv.Address, k known) bool { return k.where.ARN == arn })
	return true
}

// pardon takes condemn back: the secret is still there.
func (s *Store) pardon(arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.gone, arn)
}
