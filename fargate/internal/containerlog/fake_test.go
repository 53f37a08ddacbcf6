package containerlog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// fakeLogs is one log group that behaves like CloudWatch Logs: pages, tokens that end their life after a day, lines
// that show up late.
type fakeLogs struct {
	pageSize int           // events a page holds; 0: 10,000
	sparse   bool          // each place answers with an empty page first
	lag      time.Duration // between a line and its showing up
	took     time.Duration // what each call takes
	turn     chan struct{} // when it has room for one, calls take turns, the first to come first; nil: all at once

	mu      sync.Mutex // guards what follows
	streams map[string][]fakeEvent
	denied  map[string]bool // by operation
	failing error           // the answer to every call; nil: none
	calls   []string        // operations, in order
}

type fakeEvent struct {
	id, text    string
	at, visible time.Time
}

// fakePlace is what tokens stand for: before event n, as seen from a direction.
type fakePlace struct {
	n     int
	empty bool
}

func newFake() *fakeLogs {
	return &fakeLogs{streams: map[string][]fakeEvent{}, denied: map[string]bool{}}
}

// write adds lines of this millisecond to a stream.
func (f *fakeLogs) write(name string, texts ...string) { f.writeAt(name, time.Now(), texts...) }

// writeAt adds lines that are stamped with a time and show up after the lag.
func (f *fakeLogs) writeAt(name string, at time.Time, texts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range texts {
		f.streams[name] = append(f.streams[name], fakeEvent{fmt.Sprintf("%s-%d", name, len(f.streams[name])), text, at, time.Now().Add(f.lag)})
	}
}

func (f *fakeLogs) called(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == operation {
			n++
		}
	}
	return n
}

// set changes the fake while readers are at work.
func (f *fakeLogs) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// enter is what both calls begin with. The caller holds mu when it returns without an error.
func (f *fakeLogs) enter(ctx context.Context, operation, group, name string) ([]fakeEvent, error) {
	if f.turn != nil {
		select {
		case f.turn <- struct{}{}:
			defer func() { <-f.turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if f.took > 0 {
		time.Sleep(f.took)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.calls = append(f.calls, operation)
	events, exists := f.streams[name]
	var err error
	switch {
	case f.failing != nil:
		err = f.failing
	case f.denied[operation]:
		err = &logstypes.AccessDeniedException{Message: aws.String("not authorized to perform: logs:" + operation)}
	case !exists || group != "/demo":
		err = &logstypes.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	if err != nil {
		f.mu.Unlock()
		return nil, err
	}
	now := time.Now()
	shown := slices.IndexFunc(events, func(e fakeEvent) bool { return e.visible.After(now) })
	if shown >= 0 {
		events = events[:shown]
	}
	return events, nil
}

func (f *fakeLogs) limit(asked *int32) int {
	n := maxEvents
	if f.pageSize > 0 {
		n = f.pageSize
	}
	if asked != nil {
		n = min(n, int(*asked))
	}
	return n
}

func (e fakeEvent) since(start *int64) bool { return start == nil || e.at.UnixMilli() >= *start }

// GetLogEvents skips no place: events before the start count as passed.
func (f *fakeLogs) GetLogEvents(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	events, err := f.enter(ctx, "GetLogEvents", *in.LogGroupName, *in.LogStreamName)
	if err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	at, forward, err := f.place(in, len(events))
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.GetLogEventsOutput{}
	from, to := at.n, at.n
	for n := f.limit(in.Limit); n > 0 && (!f.sparse || at.empty); {
		if forward && to < len(events) {
			to++
			if e := events[to-1]; e.since(in.StartTime) {
				out.Events = append(out.Events, e.output())
				n--
			}
		} else if !forward && from > 0 {
			from--
			if e := events[from]; e.since(in.StartTime) {
				out.Events = slices.Insert(out.Events, 0, e.output())
				n--
			}
		} else {
			break
		}
	}
	ended := from == to && (!f.sparse || at.empty)
	flag := 0
	if f.sparse && from == to && !at.empty {
		flag = 1
	}
	issued := time.Now().UnixMilli()
	out.NextForwardToken = aws.String(fmt.Sprintf("f %d %d %d", to, flag, issued))
	out.NextBackwardToken = aws.String(fmt.Sprintf("b %d %d %d", from, flag, issued))
	if ended && in.NextToken != nil && forward {
		out.NextForwardToken = in.NextToken
	} else if ended && in.NextToken != nil {
		out.NextBackwardToken = in.NextToken
	}
	return out, nil
}

func (e fakeEvent) output() logstypes.OutputLogEvent {
	return logstypes.OutputLogEvent{Message: &e.text, Timestamp: aws.Int64(e.at.UnixMilli())}
}

func (f *fakeLogs) place(in *cloudwatchlogs.GetLogEventsInput, events int) (p fakePlace, forward bool, err error) {
	forward = aws.ToBool(in.StartFromHead)
	if in.NextToken == nil {
		if !forward {
			p.n = events
		}
		return p, forward, nil
	}
	var direction string
	var flag int
	var issued int64
	if _, err := fmt.Sscanf(*in.NextToken, "%s %d %d %d", &direction, &p.n, &flag, &issued); err != nil {
		return p, false, err
	}
	p.empty = flag == 1
	expired := time.Since(time.UnixMilli(issued)) > 24*time.Hour
	if expired || direction == "f" != forward {
		return p, false, &logstypes.InvalidParameterException{Message: aws.String("The specified nextToken is invalid.")}
	}
	return p, forward, nil
}

// FilterLogEvents sorts by time; its tokens count events.
func (f *fakeLogs) FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	events, err := f.enter(ctx, "FilterLogEvents", *in.LogGroupName, in.LogStreamNames[0])
	if err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if newest := in.StartFromHead != nil && !*in.StartFromHead; newest && aws.ToInt64(in.StartTime) < newestFirstSince {
		return nil, &logstypes.InvalidParameterException{Message: aws.String("startTime is too early for startFromHead false")}
	}
	events = slices.DeleteFunc(slices.Clone(events), func(e fakeEvent) bool { return !e.since(in.StartTime) })
	slices.SortStableFunc(events, func(a, b fakeEvent) int { return a.at.Compare(b.at) })
	if in.StartFromHead != nil && !*in.StartFromHead {
		slices.Reverse(events)
	}
	skip, flag := 0, 0
	if in.NextToken != nil {
		if _, err := fmt.Sscanf(*in.NextToken, "%d %d", &skip, &flag); err != nil {
			return nil, err
		}
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	if f.sparse && flag == 0 {
		out.NextToken = aws.String(fmt.Sprintf("%d 1", skip))
		return out, nil
	}
	events = events[min(skip, len(events)):]
	n := min(f.limit(in.Limit), len(events))
	for _, e := range events[:n] {
		out.Events = append(out.Events, logstypes.FilteredLogEvent{EventId: &e.id, Message: &e.text, Timestamp: aws.Int64(e.at.UnixMilli())})
	}
	if n < len(events) {
		out.NextToken = aws.String(fmt.Sprintf("%d 0", skip+n))
	}
	return out, nil
}
