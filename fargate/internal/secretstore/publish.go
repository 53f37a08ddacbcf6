package secretstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

// names is how many names are tried for a document.
const names = 4

// Publish sees to it that Secrets Manager has the documents, and returns where each is. Its errors are
// AWS's, wrapped with the name of the secret: throttling, a denial, credentials that expired. Nothing is
// retried here.
func (s *Store) Publish(ctx context.Context, documents []podenv.Document) (map[podenv.Address]podenv.SecretVersion, error) {
	published := map[podenv.Address]podenv.SecretVersion{}
	for _, d := range documents {
		version, err := s.publish(ctx, d)
		if err != nil {
			return nil, err
		}
		published[d.Address] = version
	}
	return published, nil
}

// publish returns what is remembered or joins the publication that is under way. That outlives the one who
// asked first, so that his end is not everybody's.
func (s *Store) publish(ctx context.Context, d podenv.Document) (podenv.SecretVersion, error) {
	if known, fresh := s.remembered(d.Address); fresh && s.give(d.Address, known, time.Time{}) {
		return known, nil
	}
	shared := s.flight.DoChan(string(d.Address), func() (any, error) {
		return s.find(context.WithoutCancel(ctx), d)
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

// remembered returns where the document was when last seen; fresh: that was a short while ago.
func (s *Store) remembered(address podenv.Address) (where podenv.SecretVersion, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[address]
	return k.where, k.where.ARN != "" && time.Since(k.seen) < recheck
}

// give notes that a secret is used from now on, and when it was seen unless that is zero; false: it is on
// its way out.
func (s *Store) give(address podenv.Address, where podenv.SecretVersion, seen time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[where.ARN] {
		return false
	}
	delete(s.unused, where.ARN)
	if !seen.IsZero() {
		s.known[address] = known{where, seen}
	}
	return true
}

// find looks where the document was before, and else takes the first name that is free or ours.
func (s *Store) find(ctx context.Context, d podenv.Document) (podenv.SecretVersion, error) {
	if known, fresh := s.remembered(d.Address); known.ARN != "" {
		if fresh {
			return known, nil // somebody was faster
		}
		if found, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &known.ARN}); err == nil &&
			s.usable(found) && found.DeletedDate == nil && s.give(d.Address, known, time.Now()) {
			return known, nil
		}
	}
	return s.underAName(d.Address, func(name string) (podenv.SecretVersion, error) {
		arn, err := s.at(ctx, name, d)
		return podenv.SecretVersion{ARN: arn, ID: version(name)}, err
	}, time.Now)
}

// underAName returns the secret under the first name of an address that is free or ours; have tells which that is, or
// errs with a *takenError. What is given out was seen at the time that seen tells, unless that is zero.
func (s *Store) underAName(address podenv.Address, have func(name string) (podenv.SecretVersion, error), seen func() time.Time) (podenv.SecretVersion, error) {
	var taken *takenError
	for i := range names {
		name := s.prefix + string(address)
		if i > 0 {
			name += "/" + strconv.Itoa(i+1)
		}
		where, err := have(name)
		if err == nil && s.give(address, where, seen()) {
			return where, nil
		}
		if err == nil {
			err = &takenError{errors.New("it is being deleted")}
		}
		if !errors.As(err, &taken) {
			return podenv.SecretVersion{}, err
		}
	}
	return podenv.SecretVersion{}, fmt.Errorf("publish secret %s: this name and %d more are held by secrets of others or deleted ones: %w", s.prefix+string(address), names-1, taken)
}

// takenError is a name that cannot be had.
type takenError struct{ cause error }

func (e *takenError) Error() string { return e.cause.Error() }
func (e *takenError) Unwrap() error { return e.cause }

// at returns the ARN of the document's secret under a name; the error is a *takenError if the name holds
// something else.
func (s *Store) at(ctx context.Context, name string, d podenv.Document) (string, error) {
	out, err := s.api.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name:               &name,
		ClientRequestToken: aws.String(version(name)), // becomes the version's ID
		Description:        aws.String("Values of Kubernetes Secrets, kept by virtual-kubelet while a task definition names them. Edits are not used."),
		SecretString:       aws.String(d.Content.Reveal()),
		Tags:               s.tags,
	})
	if err == nil {
		return aws.ToString(out.ARN), nil
	}
	refused := fmt.Errorf("create secret %s: %w", name, withheld(err, d.Content))
	// A name in use is ResourceExistsException, one that a deleted secret still holds InvalidRequestException
	// (API reference: CreateSecret). Looking tells them from other refusals.
	if !is[*smtypes.ResourceExistsException](err) && !is[*smtypes.InvalidRequestException](err) {
		return "", refused
	}
	found, err := s.api.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	switch {
	case is[*smtypes.ResourceNotFoundException](err):
		return "", &takenError{refused} // deleted without recovery; AWS frees the name some time later
	case err != nil:
		return "", fmt.Errorf("describe secret %s: %w", name, err)
	case !s.usable(found):
		return "", &takenError{refused}
	case found.DeletedDate != nil:
		return s.restore(ctx, found)
	}
	return aws.ToString(found.ARN), nil
}

// restore takes back a secret of ours that somebody scheduled for deletion.
func (s *Store) restore(ctx context.Context, found *secretsmanager.DescribeSecretOutput) (string, error) {
	_, err := s.api.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: found.ARN})
	if err != nil {
		return "", fmt.Errorf("restore secret %s: %w", aws.ToString(found.Name), err)
	}
	return aws.ToString(found.ARN), nil
}

// usable tells whether a secret is ours and still says what we wrote. The content of a version never changes.
func (s *Store) usable(found *secretsmanager.DescribeSecretOutput) bool {
	stages := found.VersionIdsToStages[version(aws.ToString(found.Name))]
	return s.isOurs(found.Tags) && slices.Contains(stages, "AWSCURRENT")
}

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}
