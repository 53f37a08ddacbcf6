package containerlog

import (
	"context"
	"errors"
	"math"

	"github.com/aws/smithy-go/middleware"

	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// maxEvents is what one page may hold. API reference: GetLogEvents, FilterLogEvents.
const maxEvents = 10000

// line is one log event.
type line struct {
	at   int64 // milliseconds since 1970
	text string
}

// page is the next part of a stream.
type page struct {
	lines []line
	// end: there is nothing after it at present. The source goes on from here when it is asked again.
	end bool
	// metadata of the call, for AWS's clock.
	metadata middleware.Metadata
}

// source reads one stream. After an error it can be asked again and has lost nothing.
type source interface {
	next(context.Context) (page, error)
}

// mark is a place in a stream that outlives tokens: after so many lines of a millisecond.
type mark struct {
	at    int64 // milliseconds since 1970
	lines int
}

// pass moves the mark behind a line.
func (m *mark) pass(at int64) {
	switch {
	case at > m.at:
		*m = mark{at, 1}
	case at == m.at:
		m.lines++
	}
}

// passAll moves the mark behind all lines of a millisecond: where a tail begins, it is not known how many went before.
func (m *mark) passAll(at int64) {
	if at >= m.at {
		*m = mark{at, math.MaxInt32}
	}
}

// covers tells whether a line, the next in order, lies before the mark. It counts down.
func (m *mark) covers(at int64) bool {
	if at != m.at || m.lines == 0 {
		return at < m.at
	}
	m.lines--
	return true
}

// isMissing tells whether the stream, or its group, does not exist.
func isMissing(err error) bool {
	var missing *logstypes.ResourceNotFoundException
	return errors.As(err, &missing)
}

// millis is a time as the API takes it; nil: none.
func millis(at int64) *int64 {
	if at <= 0 {
		return nil
	}
	return &at
}

// pageLimit asks for so many events, as far as one page holds them.
func pageLimit(events int64) *int32 {
	limit := int32(max(1, min(events, maxEvents)))
	return &limit
}
