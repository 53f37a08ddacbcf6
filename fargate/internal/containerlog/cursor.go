package containerlog

import (
	"context"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// cursor is the place of one reader in a stream, by whichever source IAM allows.
type cursor struct {
	logs   *Logs
	group  string
	source source
}

func (l *Logs) newCursor(s Stream, q query, start int64) *cursor {
	c := &cursor{logs: l, group: s.Group}
	if l.filterOnly.Load() {
		c.source = newFilter(l.api, s, start, q.tail, mark{})
	} else {
		c.source = &getter{api: l.api, stream: s, start: start, tail: q.tail}
	}
	return c
}

// next returns the next page. Where GetLogEvents is denied and FilterLogEvents is not, this reader and all that are
// opened later use the latter, until that is denied.
func (c *cursor) next(ctx context.Context) (page, error) {
	p, err := c.source.next(ctx)
	if !awserr.IsAccessDenied(err) {
		return p, err
	}
	other := c.other()
	if other == nil {
		return page{}, c.denied(err)
	}
	p, otherErr := other.next(ctx)
	if awserr.IsAccessDenied(otherErr) {
		return page{}, c.denied(err)
	}
	if otherErr == nil {
		c.source = other
		_, filters := other.(*filter)
		c.logs.filterOnly.Store(filters)
	}
	return p, otherErr
}

// other is the source by the other call, at the same place; nil: it cannot find that.
func (c *cursor) other() source {
	switch s := c.source.(type) {
	case *getter:
		return newFilter(s.api, s.stream, s.start, s.tail, s.behind)
	case *filter:
		c.logs.filterOnly.Store(false) // GetLogEvents may have been allowed meanwhile
		if s.isUntouched() {
			return &getter{api: s.api, stream: s.stream, start: s.start, tail: s.tail}
		}
	}
	return nil
}

// denied names the call to allow: either of the two will do.
func (c *cursor) denied(err error) error {
	return &DeniedError{Action: "logs:GetLogEvents", Group: c.group, Hint: "logs:FilterLogEvents does too", Err: err}
}
