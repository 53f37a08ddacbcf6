package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/virtual-kubelet/aws-fargate/hack/local/process"
)

// look is how often a fact that is waited for is looked at.
const look = 50 * time.Millisecond

// Until waits until fact returns nil. After limit the error says what was waited for, and
// what fact said last.
func Until(ctx context.Context, limit time.Duration, what string, fact func(context.Context) error) error {
	last := errors.New("nobody answered")
	err := wait.PollUntilContextTimeout(ctx, look, limit, true, func(ctx context.Context) (bool, error) {
		now := fact(ctx)
		if now != nil && ctx.Err() == nil { // what the end of ctx makes of it says nothing about the fact
			last = now
		}
		return now == nil, permanent(now)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("waiting until %s: %w", what, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("waited %s until %s, but: %w", limit, what, last)
	}
	return fmt.Errorf("waiting until %s: %w", what, err)
}

// Hopeless is an error that waiting does not mend.
type Hopeless struct{ Err error }

func (h Hopeless) Error() string { return h.Err.Error() }
func (h Hopeless) Unwrap() error { return h.Err }

// permanent returns err if waiting does not mend it.
func permanent(err error) error {
	if errors.As(err, new(Hopeless)) {
		return err
	}
	return nil
}

// untilWith waits for a fact that a program brings about: no longer than that program and
// the control plane live. An error shows the end of the culprit's log.
func (s *Stack) untilWith(ctx context.Context, limit time.Duration, what string, p *process.Process, fact func(context.Context) error) error {
	err := Until(ctx, limit, what, func(ctx context.Context) error {
		if ended := firstEnded(append([]*process.Process{p}, s.processes...)); ended != nil {
			return Hopeless{ended}
		}
		return fact(ctx)
	})
	if err == nil || permanent(err) != nil || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w\n%s", err, p.Tail())
}

// firstEnded returns nil while all of them run.
func firstEnded(all []*process.Process) error {
	for _, p := range all {
		if err := p.Ended(); err != nil {
			return err
		}
	}
	return nil
}
