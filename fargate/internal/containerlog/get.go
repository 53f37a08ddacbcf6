package containerlog

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// tokenLife is how long a forward token is used. It "expires after 24 hours" (SDK, GetLogEventsOutput), which the
// follower of a silent container outlives.
const tokenLife = 12 * time.Hour

// getter is a source by GetLogEvents.
type getter struct {
	api    API
	stream Stream
	start  int64  // milliseconds since 1970; 0: the stream's own
	tail   *int64 // lines to show of what is there; nil: all of them, or they have been found

	token  *string   // forward; nil: the head
	issued time.Time // when the token was first seen
	behind mark      // what has been given, or passed over
	passed mark      // what is passed over once more after a restart without a token
}

func (g *getter) next(ctx context.Context) (page, error) {
	if g.tail != nil {
		return g.last(ctx)
	}
	if g.token != nil && time.Since(g.issued) > tokenLife {
		g.restart()
	}
	out, err := g.call(ctx, &cloudwatchlogs.GetLogEventsInput{StartFromHead: aws.Bool(true), NextToken: g.token})
	if isMissing(err) {
		return page{end: true}, nil
	}
	if err != nil {
		return page{}, err
	}
	p := page{end: g.token != nil && aws.ToString(out.NextForwardToken) == *g.token, metadata: out.ResultMetadata}
	g.hold(out.NextForwardToken)
	for _, e := range out.Events {
		if l := lineOf(e); !g.passed.covers(l.at) {
			g.behind.pass(l.at)
			p.lines = append(p.lines, l)
		}
	}
	return p, nil
}

// last finds the last lines that were asked for, page by page backwards. Only the oldest of the pages is kept: those
// after it come again as the stream is read forwards, so that a tail of any length takes the memory of one page.
// A page may be empty before the beginning is reached.
func (g *getter) last(ctx context.Context) (page, error) {
	wanted := max(1, *g.tail) // of a tail of 0 too the newest line marks the place
	var oldest []logstypes.OutputLogEvent
	var forward, backward *string
	var p page
	for found := int64(0); ; {
		out, err := g.call(ctx, &cloudwatchlogs.GetLogEventsInput{
			StartFromHead: aws.Bool(false), NextToken: backward, Limit: pageLimit(wanted - found)})
		if isMissing(err) {
			g.tail = nil // whatever comes is new
			return page{end: true}, nil
		}
		if err != nil {
			return page{}, err
		}
		p.metadata = out.ResultMetadata
		if len(out.Events) > 0 || forward == nil {
			oldest, forward = out.Events, out.NextForwardToken
		}
		found += int64(len(out.Events))
		if found >= wanted || backward != nil && *backward == aws.ToString(out.NextBackwardToken) {
			break
		}
		backward = out.NextBackwardToken
	}
	for _, e := range oldest {
		g.behind.passAll(lineOf(e).at)
		if *g.tail > 0 {
			p.lines = append(p.lines, lineOf(e))
		}
	}
	g.tail = nil
	g.hold(forward)
	return p, nil
}

func (g *getter) call(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	in.LogGroupName, in.LogStreamName, in.StartTime = &g.stream.Group, &g.stream.Name, millis(g.start)
	return g.api.GetLogEvents(ctx, in)
}

// hold keeps a token, and the time of its first appearance.
func (g *getter) hold(token *string) {
	if aws.ToString(token) != aws.ToString(g.token) {
		g.issued = time.Now()
	}
	g.token = token
}

// restart goes on by time instead of by token.
func (g *getter) restart() {
	g.token, g.passed = nil, g.behind
	g.start = max(g.start, g.behind.at)
}

func lineOf(e logstypes.OutputLogEvent) line {
	return line{aws.ToInt64(e.Timestamp), aws.ToString(e.Message)}
}
