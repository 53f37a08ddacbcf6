package containerlog

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	// overlap is searched once more with each round: a line may show up after one that is stamped later.
	overlap = 2 * time.Second
	// API reference: FilterLogEvents, startFromHead. Newest first is there for lines since 2024 only.
	newestFirstSince = 1704067200000 // 2024-01-01T00:00:00Z in milliseconds
)

// filter is a source by FilterLogEvents, whose tokens end with what is there: each further round searches from the
// time of the newest line, and leaves out what it has seen by the events' IDs.
type filter struct {
	api    API
	stream Stream
	start  int64  // milliseconds since 1970: no line before it is given
	tail   *int64 // lines to show of what is there; nil: all of them, or they have been found

	token  *string          // of the round; nil: a new one
	from   int64            // where the round begins
	newest int64            // time of the newest line seen
	seen   map[string]int64 // time by ID, of those that the next round would meet again
	passed mark             // what another source has given before

	// first is the line that a tail begins with, and those before it in the order of the search are passed over;
	// "": found. after: the line itself is passed over too.
	first string
	after bool
}

func newFilter(api API, s Stream, start int64, tail *int64, passed mark) *filter {
	start = max(start, passed.at)
	return &filter{api: api, stream: s, start: start, from: start, tail: tail, passed: passed, seen: map[string]int64{}}
}

func (f *filter) next(ctx context.Context) (page, error) {
	if f.tail != nil {
		if err := f.last(ctx); isMissing(err) {
			f.tail = nil // whatever comes is new
			return page{end: true}, nil
		} else if err != nil {
			return page{}, err
		}
	}
	out, err := f.call(ctx, &cloudwatchlogs.FilterLogEventsInput{StartTime: millis(f.from), NextToken: f.token})
	if isMissing(err) {
		return page{end: true}, nil
	}
	if err != nil {
		return page{}, err
	}
	p := page{metadata: out.ResultMetadata, end: aws.ToString(out.NextToken) == ""}
	for _, e := range out.Events {
		if f.isNew(e) {
			p.lines = append(p.lines, line{aws.ToInt64(e.Timestamp), aws.ToString(e.Message)})
		}
	}
	f.forget()
	if f.token = out.NextToken; p.end {
		f.token, f.from = nil, f.horizon()
	}
	return p, nil
}

// isUntouched tells whether nothing was given yet.
func (f *filter) isUntouched() bool { return len(f.seen) == 0 && f.first == "" && f.passed == mark{} }

// isNew tells whether an event is to be given, and remembers it.
func (f *filter) isNew(e logstypes.FilteredLogEvent) bool {
	at, id := aws.ToInt64(e.Timestamp), aws.ToString(e.EventId)
	if _, again := f.seen[id]; again {
		return false
	}
	f.seen[id] = at
	f.newest = max(f.newest, at)
	if f.first == "" || at > f.start {
		f.first = ""
		return !f.passed.covers(at)
	}
	if id != f.first {
		return false
	}
	f.first = ""
	return !f.after
}

// horizon is where a new round would begin.
func (f *filter) horizon() int64 { return max(f.start, f.newest-overlap.Milliseconds()) }

// forget drops what no round meets again.
func (f *filter) forget() {
	for id, at := range f.seen {
		if at < f.horizon() {
			delete(f.seen, id)
		}
	}
}

// last finds the first of the last lines that were asked for, newest first, and sets the start to it. Reading goes
// on forwards from there, so that a tail of any length takes the memory of one page.
func (f *filter) last(ctx context.Context) error {
	wanted := max(1, *f.tail) // of a tail of 0 too the newest line marks the place
	var oldest *logstypes.FilteredLogEvent
	in := &cloudwatchlogs.FilterLogEventsInput{StartFromHead: aws.Bool(false), StartTime: millis(max(f.start, newestFirstSince))}
	for {
		in.Limit = pageLimit(wanted)
		out, err := f.call(ctx, in)
		if err != nil {
			return err
		}
		if n := min(wanted, int64(len(out.Events))); n > 0 {
			oldest = &out.Events[n-1]
			wanted -= n
		}
		if in.NextToken = out.NextToken; wanted == 0 || aws.ToString(in.NextToken) == "" {
			break
		}
	}
	if oldest != nil {
		f.start, f.first, f.after = aws.ToInt64(oldest.Timestamp), aws.ToString(oldest.EventId), *f.tail == 0
		f.from = f.start
	}
	f.tail = nil
	return nil
}

func (f *filter) call(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	in.LogGroupName, in.LogStreamNames = &f.stream.Group, []string{f.stream.Name}
	return f.api.FilterLogEvents(ctx, in)
}
