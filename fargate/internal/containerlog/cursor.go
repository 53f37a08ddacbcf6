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
// opened later use the latter.
func (c *cursor) next(ctx context.Context) (page, error) {
	p, err := c.source.next(ctx)
	if !awserr.IsAccessDenied(err) {
		return p, err
	}
	g, gets := c.source.(*getter)
	if !gets {
		c.logs.filterOnly.Store(false) // GetLogEvents may have been allowed meanwhile
		return page{}, c.denied(err)
	}
	f := newFilter(g.api, g.stream, g.start, g.tail, g.behind)
	p, other := f.next(ctx)
	if awserr.IsAccessDenied(other) {
		return page{}, c.denied(err)
	}
	if other == nil {
		c.source = f
		c.logs.filterOnly.Store(true)
	}
	return p, other
}

// denied names the call to allow: either of the two will do.
func (c *cursor) denied(err error) error {
	return &DeniedError{Action: "logs:GetLogEvents", Group: c.group, Hint: "logs:FilterLogEvents does too", Err: err}
}
