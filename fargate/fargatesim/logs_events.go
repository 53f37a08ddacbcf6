package fargatesim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A page of events ends at 10,000 events or 1 MB (API reference: GetLogEvents); each event counts its bytes and 26.
const (
	maxPageEvents = 10000
	maxPageBytes  = 1 << 20
	eventOverhead = 26
)

func eventLimit(limit *int32) (int, error) {
	n := deref(or(limit, ptr[int32](maxPageEvents)))
	if n < 1 || n > maxPageEvents {
		return 0, invalidParameter("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", n, maxPageEvents)
	}
	return int(n), nil
}

// getLogEvents reads a stream forwards from a forward token, backwards from a backward token, and without a token
// from its head or from its end. At an end the token that comes back is the one that was given.
func (s *Server) getLogEvents(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	g, err := s.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	stream := g.streams[*in.LogStreamName]
	if stream == nil {
		return nil, noResource("stream")
	}
	limit, err := eventLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	events := stream.shown()
	at, err := startOf(in, len(events))
	if err != nil {
		return nil, err
	}
	from, to := window(events, at, limit, in.StartTime, in.EndTime)
	if s.config.SparsePages && !at.empty && from < to {
		return &cloudwatchlogs.GetLogEventsOutput{Events: []logstypes.OutputLogEvent{},
			NextForwardToken: position{"f", at.n, true}.token(), NextBackwardToken: position{"b", at.n, true}.token()}, nil
	}
	out := &cloudwatchlogs.GetLogEventsOutput{Events: []logstypes.OutputLogEvent{},
		NextForwardToken: position{"f", to, at.ended(from, to)}.token(), NextBackwardToken: position{"b", from, at.ended(from, to)}.token()}
	for _, e := range events[from:to] {
		if e.within(in.StartTime, in.EndTime) {
			out.Events = append(out.Events, logstypes.OutputLogEvent{
				Message: ptr(e.message), Timestamp: ptr(e.at.UnixMilli()), IngestionTime: ptr(e.visible.UnixMilli())})
		}
	}
	return out, nil
}

// startOf is where a request starts to read in a stream of so many events.
func startOf(in *cloudwatchlogs.GetLogEventsInput, events int) (position, error) {
	switch {
	case in.NextToken == nil && deref(in.StartFromHead):
		return position{"f", 0, false}, nil
	case in.NextToken == nil:
		return position{"b", events, false}, nil
	}
	at, err := parsePosition(*in.NextToken, events)
	if err == nil && at.direction == "f" && !deref(in.StartFromHead) { // SDK doc: StartFromHead
		return at, invalidParameter("startFromHead must be true with a nextForwardToken.")
	}
	return at, err
}

// window is the part of the events that one page covers, those outside the time range included.
func window(events []logEvent, at position, limit int, start, end *int64) (from, to int) {
	from, to = at.n, at.n
	count, bytes := 0, 0
	fits := func(e logEvent) bool {
		if !e.within(start, end) {
			return true
		}
		count++
		bytes += len(e.message) + eventOverhead
		return count <= limit && (bytes <= maxPageBytes || count == 1)
	}
	if at.direction == "f" {
		for to < len(events) && fits(events[to]) {
			to++
		}
		return from, to
	}
	for from > 0 && fits(events[from-1]) {
		from--
	}
	return from, to
}

// within: startTime is inclusive, endTime is not, and both are milliseconds since 1970.
func (e logEvent) within(start, end *int64) bool {
	at := e.at.UnixMilli()
	return (start == nil || at >= *start) && (end == nil || at < *end)
}

// filterLogEvents merges the streams of a group by time. Of patterns it knows terms (all must occur), quoted or not.
func (s *Server) filterLogEvents(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	g, err := s.logGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.LogStreamNamePrefix != nil && len(in.LogStreamNames) > 0 {
		return nil, invalidParameter("logStreamNames and logStreamNamePrefix are mutually exclusive.")
	}
	limit, err := eventLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	terms, err := filterTerms(deref(in.FilterPattern))
	if err != nil {
		return nil, err
	}
	for _, name := range in.LogStreamNames {
		if g.streams[name] == nil {
			return nil, noResource("stream")
		}
	}
	at, err := filterStart(in)
	if err != nil {
		return nil, err
	}
	all := filtered(g, in, terms)
	if at.direction == "b" {
		slices.Reverse(all)
	}
	all = all[min(at.n, len(all)):]
	out := &cloudwatchlogs.FilterLogEventsOutput{Events: all, SearchedLogStreams: []logstypes.SearchedLogStream{}}
	if len(all) > limit {
		out.Events = all[:limit]
		out.NextToken = ptr(base64.RawURLEncoding.EncodeToString([]byte(at.direction + strconv.Itoa(at.n+limit))))
	}
	return out, nil
}

// filtered are all events that a request asks for, by time and then by stream.
func filtered(g *logGroup, in *cloudwatchlogs.FilterLogEventsInput, terms []string) []logstypes.FilteredLogEvent {
	all := []logstypes.FilteredLogEvent{}
	for name, stream := range g.streams {
		if len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, name) || !strings.HasPrefix(name, deref(in.LogStreamNamePrefix)) {
			continue
		}
		for i, e := range stream.shown() {
			if e.within(in.StartTime, in.EndTime) && !slices.ContainsFunc(terms, func(term string) bool { return !strings.Contains(e.message, term) }) {
				all = append(all, logstypes.FilteredLogEvent{
					EventId: ptr(fmt.Sprintf("%020d%036d", e.at.UnixMilli(), i)), LogStreamName: &stream.name,
					Message: ptr(e.message), Timestamp: ptr(e.at.UnixMilli()), IngestionTime: ptr(e.visible.UnixMilli())})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b logstypes.FilteredLogEvent) int {
		return byName(*a.EventId+*a.LogStreamName, *b.EventId+*b.LogStreamName)
	})
	return all
}

// filterTerms reads a filter pattern of plain terms; JSON and space-delimited patterns are refused.
func filterTerms(pattern string) ([]string, error) {
	if strings.ContainsAny(pattern, "{}[]?-%") {
		return nil, invalidParameter("Invalid filter pattern: this local service knows terms only")
	}
	var terms []string
	for i, part := range strings.Split(pattern, `"`) {
		if i%2 == 1 {
			terms = append(terms, part)
		} else {
			terms = append(terms, strings.Fields(part)...)
		}
	}
	return terms, nil
}

// newestFirstSince is the earliest start of a search that goes backwards (API reference: FilterLogEvents, startFromHead).
var newestFirstSince = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// filterStart is where a search goes on: forwards, or newest first without startFromHead. A token keeps its direction.
func filterStart(in *cloudwatchlogs.FilterLogEventsInput) (position, error) {
	backwards := !deref(or(in.StartFromHead, ptr(true)))
	switch {
	case in.NextToken == nil && backwards && deref(in.StartTime) < newestFirstSince:
		return position{}, invalidParameter("startFromHead can be false only when startTime is on or after Jan 1, 2024 00:00:00 UTC.")
	case in.NextToken == nil && backwards:
		return position{direction: "b"}, nil
	case in.NextToken == nil:
		return position{direction: "f"}, nil
	}
	token, err := base64.RawURLEncoding.DecodeString(*in.NextToken)
	if err != nil || len(token) < 2 || token[0] != 'f' && token[0] != 'b' {
		return position{}, invalidParameter("The specified nextToken is invalid.")
	}
	n, err := strconv.Atoi(string(token[1:]))
	if err != nil || n < 0 {
		return position{}, invalidParameter("The specified nextToken is invalid.")
	}
	return position{direction: string(token[:1]), n: n}, nil
}
