//lint:file-ignore SA1019 AWS still sends and takes what its SDK marks as deprecated

package fargatesim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// logsOperations is what this CloudWatch Logs can do.
var logsOperations = map[string]operation{
	"CreateLogGroup":      jsonOperation((*Server).createLogGroup),
	"DeleteLogGroup":      jsonOperation((*Server).deleteLogGroup),
	"PutRetentionPolicy":  jsonOperation((*Server).putRetentionPolicy),
	"DescribeLogGroups":   jsonOperation((*Server).describeLogGroups),
	"DescribeLogStreams":  jsonOperation((*Server).describeLogStreams),
	"GetLogEvents":        jsonOperation((*Server).getLogEvents),
	"FilterLogEvents":     jsonOperation((*Server).filterLogEvents),
	"TagResource":         jsonOperation((*Server).tagLogGroup),
	"UntagResource":       jsonOperation((*Server).untagLogGroup),
	"ListTagsForResource": jsonOperation((*Server).listLogGroupTags),
}

type logGroup struct {
	logstypes.LogGroup
	streams map[string]*logStream
	tags    map[string]string
}

type logStream struct {
	name    string
	arn     string
	created time.Time
	events  []logEvent // in the order of their arrival
}

type logEvent struct {
	at, visible time.Time // visible: when CloudWatch Logs shows it
	message     string
}

func (s *Server) newLogGroup(name string) *logGroup {
	arn := s.arn("logs", "log-group:"+name)
	return &logGroup{streams: map[string]*logStream{}, LogGroup: logstypes.LogGroup{
		LogGroupName: &name, Arn: ptr(arn + ":*"), LogGroupArn: &arn, CreationTime: ptr(now().UnixMilli()),
		LogGroupClass: logstypes.LogGroupClassStandard, MetricFilterCount: ptr[int32](0), StoredBytes: ptr[int64](0),
	}}
}

// stream finds a stream or makes it.
func (g *logGroup) stream(name string) *logStream {
	l := g.streams[name]
	if l == nil {
		l = &logStream{name: name, arn: *g.LogGroupArn + ":log-stream:" + name, created: now()}
		g.streams[name] = l
	}
	return l
}

func (l *logStream) add(message string, delay time.Duration) {
	l.events = append(l.events, logEvent{now(), now().Add(delay), message})
}

// shown are the events that can be read by now.
func (l *logStream) shown() []logEvent {
	n, _ := slices.BinarySearchFunc(l.events, now(), func(e logEvent, at time.Time) int {
		if e.visible.After(at) {
			return 1
		}
		return -1
	})
	return l.events[:n]
}

// Log returns the messages in a stream ("prefix/container/taskID") of a group, visible or not; nil: there is no such stream.
func (s *Server) Log(group, stream string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.logGroups[group]; g != nil && g.streams[stream] != nil {
		lines := []string{}
		for _, e := range g.streams[stream].events {
			lines = append(lines, e.message)
		}
		return lines
	}
	return nil
}

// noResource is the error for a group or stream ("group", "stream") that does not exist.
func noResource(kind string) error {
	return newError("ResourceNotFoundException", "The specified log %s does not exist.", kind)
}

// logsLimit is 50, the most and the default of Describe calls of CloudWatch Logs, or what was asked for.
func logsLimit(limit *int32) *int32 {
	if limit != nil && *limit > 50 {
		return ptr[int32](0) // refused by page
	}
	return or(limit, ptr[int32](50))
}

func (s *Server) describeLogStreams(in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	g, err := s.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := in.OrderBy == logstypes.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	compare := func(a, b string) int {
		if byTime {
			return cmp.Or(g.streams[a].last().Compare(g.streams[b].last()), cmp.Compare(a, b))
		}
		return cmp.Compare(a, b)
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(g.streams)), func(name string) bool {
		return !strings.HasPrefix(name, deref(in.LogStreamNamePrefix))
	})
	ordered := compare
	if deref(in.Descending) {
		ordered = func(a, b string) int { return compare(b, a) }
	}
	names, next, err := page(names, ordered, logsLimit(in.Limit), in.NextToken)
	out := &cloudwatchlogs.DescribeLogStreamsOutput{LogStreams: []logstypes.LogStream{}, NextToken: next}
	for _, name := range names {
		out.LogStreams = append(out.LogStreams, g.streams[name].described())
	}
	return out, err
}

func (l *logStream) last() time.Time {
	if events := l.shown(); len(events) > 0 {
		return events[len(events)-1].at
	}
	return l.created
}

func (l *logStream) described() logstypes.LogStream {
	out := logstypes.LogStream{LogStreamName: &l.name, Arn: &l.arn, CreationTime: ptr(l.created.UnixMilli()), StoredBytes: ptr[int64](0)}
	if events := l.shown(); len(events) > 0 {
		last := events[len(events)-1]
		out.FirstEventTimestamp, out.LastEventTimestamp = ptr(events[0].at.UnixMilli()), ptr(last.at.UnixMilli())
		out.LastIngestionTime = ptr(last.visible.UnixMilli())
	}
	return out
}
