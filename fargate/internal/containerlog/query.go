package containerlog

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// query is what a reader was asked for.
type query struct {
	follow     bool
	timestamps bool
	tail       *int64        // the last so many lines; nil: all
	bytes      *int64        // the first so many bytes; nil: all
	since      time.Time     // zero: not asked for
	ago        time.Duration // since so long before now; 0: not asked for
	began      time.Time     // no line is older; zero: not known
}

// clockMargin is how much the clock that stamps lines may be behind the one that stamps the container's start.
const clockMargin = time.Minute

func newQuery(s Stream, o *corev1.PodLogOptions) (query, error) {
	if o == nil {
		o = &corev1.PodLogOptions{}
	}
	if o.Stream != nil && *o.Stream != corev1.LogStreamAll {
		return query{}, ErrSplitStream
	}
	q := query{follow: o.Follow, timestamps: o.Timestamps, tail: o.TailLines, bytes: o.LimitBytes}
	if o.SinceTime != nil {
		q.since = o.SinceTime.Time
	}
	if o.SinceSeconds != nil {
		q.ago = time.Duration(*o.SinceSeconds) * time.Second
	}
	if !s.Started.IsZero() {
		q.began = s.Started.Add(-clockMargin)
	}
	return q, nil
}

// isEmpty: nothing can come of it, so nothing is asked of AWS.
func (q query) isEmpty() bool {
	return q.bytes != nil && *q.bytes <= 0 || q.tail != nil && *q.tail <= 0 && !q.follow
}

// start is the time of the oldest line to show, in milliseconds since 1970, when AWS's clock shows now.
func (q query) start(now time.Time) int64 {
	from := q.began
	if q.since.After(from) {
		from = q.since
	}
	if q.ago > 0 && now.Add(-q.ago).After(from) {
		from = now.Add(-q.ago)
	}
	if from.Before(time.UnixMilli(0)) {
		return 0
	}
	// Lines are stamped in whole milliseconds: one of the millisecond in which from lies is older than from.
	return from.Add(time.Millisecond - 1).UnixMilli()
}
