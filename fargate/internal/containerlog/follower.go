package containerlog

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

const (
	// settleTime is how long after a container's end its last lines may still come: the awslogs driver sends every
	// 5 s, and CloudWatch Logs takes a second or two.
	settleTime = 10 * time.Second
	// patience is how long a follower sits out faults that pass by themselves: throttles, outages, expired credentials.
	patience = 5 * time.Minute
	// skewTolerance is what a clock may differ by: AWS's answers state their time in whole seconds.
	skewTolerance = 2 * time.Second
)

// follower copies a stream from its cursor to a printer. One goroutine at a time uses it.
type follower struct {
	query
	logs   *Logs
	stream Stream
	cursor *cursor
	opened time.Time
	pace   pace
	// skew is what AWS's clock is ahead of ours, once an answer has told.
	skew      time.Duration
	skewKnown bool
	// noticed is when this follower first saw that the container had ended, by our clock; zero: it has not.
	noticed time.Time
}

func (l *Logs) newFollower(s Stream, q query) *follower {
	now := time.Now()
	return &follower{query: q, logs: l, stream: s, opened: now, cursor: l.newCursor(s, q, q.start(now))}
}

// asked is a page and how it was asked for.
type asked struct {
	page
	at time.Time
}

// ask returns the next page. Of a search that began "so long ago" the beginning is put right with the first answer,
// where our clock turns out to differ from AWS's.
func (f *follower) ask(ctx context.Context) (asked, error) {
	began := time.Now()
	p, err := f.cursor.next(ctx)
	if f.learn(p.metadata) && f.ago > 0 && f.skew.Abs() > skewTolerance {
		f.cursor = f.logs.newCursor(f.stream, f.query, f.start(f.opened.Add(f.skew)))
		p, err = f.cursor.next(ctx)
	}
	return asked{p, began}, err
}

// learn takes AWS's time from an answer, and reports whether it is the first to tell.
func (f *follower) learn(answer smithy.Metadata) (first bool) {
	skew, told := middleware.GetAttemptSkew(answer)
	if !told {
		return false
	}
	first = !f.skewKnown
	f.skew, f.skewKnown = skew, true
	return first
}

// copy prints pages, beginning with a, until nothing more is to come or to be shown.
func (f *follower) copy(ctx context.Context, out *printer, a asked) error {
	for {
		if more, err := out.print(a.lines); err != nil || !more {
			return err
		}
		f.pace.found = f.pace.found || len(a.lines) > 0
		a.lines = nil // no use any more, while the next page is on its way
		if a.end {
			if !f.follow || f.settled(a.at) {
				return nil
			}
			if err := sleep(ctx, f.pace.after(!f.noticed.IsZero())); err != nil {
				return err
			}
		}
		var err error
		if a, err = f.askPatiently(ctx); err != nil {
			return err
		}
	}
}

// askPatiently is ask for a follower, which outlasts what passes by itself.
func (f *follower) askPatiently(ctx context.Context) (asked, error) {
	since := time.Now()
	for wait := leastPause; ; wait = min(2*wait, longestRetry) {
		a, err := f.askInTurn(ctx)
		if err == nil || !f.follow || awserr.IsAccessDenied(err) || awserr.IsRefusal(err) || ctx.Err() != nil {
			return a, err
		}
		if time.Since(since) > patience {
			return a, fmt.Errorf("follow log for %v without an answer: %w", patience, err)
		}
		if err := sleep(ctx, wait); err != nil {
			return a, err
		}
	}
}

// askInTurn is ask, once it is this follower's turn among all. Who does not follow has not to wait.
func (f *follower) askInTurn(ctx context.Context) (asked, error) {
	if f.follow {
		select {
		case f.logs.turns <- struct{}{}:
			defer func() { <-f.logs.turns }()
		case <-ctx.Done():
			return asked{}, context.Cause(ctx)
		}
	}
	return f.ask(ctx)
}

// settled tells whether a question asked at a time was late enough to find all that an ended container wrote. Either
// clock may say so: AWS's when the end is long past, ours when the end has been known long enough.
func (f *follower) settled(at time.Time) bool {
	if f.stream.Ended == nil {
		return false
	}
	end, ended := f.stream.Ended()
	if !ended {
		return false
	}
	if f.noticed.IsZero() {
		f.noticed = time.Now()
	}
	return at.Add(f.skew).Sub(end) >= settleTime || at.Sub(f.noticed) >= settleTime
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
