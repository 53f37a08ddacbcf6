package secretstore

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// Passing is a content that is good for a while.
type Passing struct {
	Content podenv.Value
	Expires time.Time
}

// renewed is where a passing content lies, until when a task may start with it, and when the secret was seen.
type renewed struct {
	where podenv.SecretVersion
	until time.Time
	seen  time.Time
}

// Renew sees to it that a secret holds a content which is good for at least half of its time, and returns where that is:
// the ARN stays, the content is written in its place, and no version is named. fetch is asked where nothing is there, or
// too old. Errors are fetch's own, or AWS's, wrapped with the name of the secret.
func (s *Store) Renew(ctx context.Context, address podenv.Address, fetch func(context.Context) (Passing, error)) (podenv.SecretVersion, error) {
	if held, fresh := s.held(address); fresh && s.give(address, held.where, time.Time{}) {
		return held.where, nil
	}
	shared := s.flight.DoChan(string(address), func() (any, error) {
		return s.renew(context.WithoutCancel(ctx), address, fetch)
	})
	select {
	case <-ctx.Done():
		return podenv.SecretVersion{}, ctx.Err()
	case result := <-shared:
		if result.Err != nil {
			return podenv.SecretVersion{}, result.Err
		}
		return result.Val.(podenv.SecretVersion), nil
	}
}

func (s *Store) held(address podenv.Address) (held renewed, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held = s.passing[address]
	return held, time.Now().Before(held.until) && time.Since(held.seen) < recheck
}

// look tells whether a secret is still there and still ours; one that somebody scheduled for deletion is taken back.
func (s *Store) look(ctx context.Context, held renewed) bool {
	if held.where.ARN == "" || !time.Now().Before(held.until) {
		return false
	}
	found, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &held.where.ARN})
	if err != nil || !s.isOurs(found.Tags) {
		return false
	}
	if found.DeletedDate != nil {
		_, err = s.restore(ctx, found)
	}
	return err == nil
}

func (s *Store) hold(address podenv.Address, held renewed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held.seen = time.Now()
	s.passing[address] = held
}

func (s *Store) renew(ctx context.Context, address podenv.Address, fetch func(context.Context) (Passing, error)) (podenv.SecretVersion, error) {
	held, fresh := s.held(address)
	switch {
	case fresh && s.give(address, held.where, time.Time{}):
		return held.where, nil // somebody was faster
	case s.look(ctx, held) && s.give(address, held.where, time.Time{}):
		s.hold(address, held)
		return held.where, nil
	}
	now := time.Now()
	content, err := fetch(ctx)
	if err != nil {
		return podenv.SecretVersion{}, err
	}
	where, err := s.underAName(address, func(name string) (podenv.SecretVersion, error) {
		arn, err := s.write(ctx, name, content.Content)
		return podenv.SecretVersion{ARN: arn}, err
	}, func() time.Time { return time.Time{} })
	if err == nil {
		s.hold(address, renewed{where: where, until: now.Add(content.Expires.Sub(now) / 2)})
	}
	return where, err
}

// write makes the secret, or writes into the one that is ours; the error is a *takenError if the name holds something else.
func (s *Store) write(ctx context.Context, name string, content podenv.Value) (string, error) {
	out, err := s.api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name:         &name,
		Description:  aws.String("A token of a Kubernetes ServiceAccount, renewed by virtual-kubelet while a task definition names it."),
		SecretString: aws.String(content.Reveal()),
		Tags:         s.tags,
	})
	if err == nil {
		return aws.ToString(out.ARN), nil
	}
	refused := fmt.Errorf("create secret %s: %w", name, withheld(err, content))
	if !is[*smtypes.ResourceExistsException](err) && !is[*smtypes.InvalidRequestException](err) { // as in at
		return "", refused
	}
	found, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	switch {
	case is[*smtypes.ResourceNotFoundException](err):
		return "", &takenError{refused}
	case err != nil:
		return "", fmt.Errorf("describe secret %s: %w", name, err)
	case !s.isOurs(found.Tags):
		return "", &takenError{refused}
	case found.DeletedDate != nil:
		if _, err := s.restore(ctx, found); err != nil {
			return "", err
		}
	}
	if _, err := s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: found.ARN, SecretString: aws.String(content.Reveal())}); err != nil {
		return "", fmt.Errorf("write secret %s: %w", name, withheld(err, content))
	}
	return aws.ToString(found.ARN), nil
}
