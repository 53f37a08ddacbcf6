// Package containerlog shows what containers wrote, out of CloudWatch Logs, the way the kubelet shows it.
//
// It never writes to a log, never decides whether a container may be asked (that is the caller's), and keeps nothing
// between two readers but the knowledge which of its two calls IAM allows. It limits no rate: every call goes through
// the AWS client's own budget, for which followers queue here, so that others need not queue behind them.
//
// The rule:
//
//	asked for     how
//	everything    GetLogEvents from the head, by its forward tokens, until a token comes back unchanged
//	the last N    GetLogEvents backwards until N lines are behind, then forwards from there
//	to follow     the same token again, every 1 to 5 s; after the container's end until ingestion has caught up
//	no stream     nothing was written yet: an empty log, and a follower waits for it
//	denied        FilterLogEvents in place of GetLogEvents, until that is denied too: by time and by event, it has no place to go on from
//
// What CloudWatch Logs cannot give: stdout and stderr apart, times finer than a millisecond, and lines sooner than the
// awslogs driver sends them (some 5 to 7 s). A line over 16 KiB comes in pieces, for so the driver cuts it.
package containerlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	corev1 "k8s.io/api/core/v1"
)

// API are the calls that reading takes; *cloudwatchlogs.Client has them. GetLogEvents may be denied.
type API interface {
	GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
	FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
}

// Stream is the log of one container of one task.
type Stream struct {
	Group string // log group
	Name  string // as the awslogs driver names it: prefix/container/taskID
	// Started is when the container started, or an earlier time; it spares CloudWatch Logs a search. Zero: not known.
	Started time.Time
	// Ended tells whether the container has ended, and when by AWS's clock. It is called now and then while the
	// stream is followed and must not block. nil: it never ends, and a follower stops with its context alone.
	Ended func() (at time.Time, ended bool)
}

// ErrSplitStream is Open's answer to a request for stdout or stderr alone.
var ErrSplitStream = errors.New("stream: CloudWatch Logs keeps a container's stdout and stderr in one stream; ask for All")

// Logs reads the logs of containers. It may be used from many goroutines at once.
type Logs struct {
	api API
	// filterOnly is set once GetLogEvents was denied where FilterLogEvents was not.
	filterOnly atomic.Bool
	turns      chan struct{} // has room for the followers that may ask at once
}

// New returns Logs that are read through api.
func New(api API) *Logs { return &Logs{api: api, turns: make(chan struct{}, followersAtOnce)} }

// Open returns a reader of a stream: what o asks for of it, in order, each line once. It waits for the first page, so
// that what goes wrong at once is Open's error: ErrSplitStream, a *DeniedError, or CloudWatch Logs' own. A stream that
// does not exist yet is empty. nil options ask for everything; o.Container and o.Previous are the caller's business.
//
// The reader holds one page at most (1 MB) and asks for the next when that is read. It ends with io.EOF where the
// kubelet's would, and with the context's error when ctx ends. A follower sits out faults that pass by themselves.
// The caller closes it, which ends a Read under way and returns when nothing of the reader is left running.
func (l *Logs) Open(ctx context.Context, s Stream, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	q, err := newQuery(s, o)
	if err != nil {
		return nil, err
	}
	if q.isEmpty() {
		return io.NopCloser(strings.NewReader("")), nil
	}
	f := l.newFollower(s, q)
	first, err := f.ask(ctx)
	if err != nil {
		return nil, fmt.Errorf("read log stream %s of group %s: %w", s.Name, s.Group, err)
	}
	return start(ctx, func(ctx context.Context, w io.Writer) error { return f.copy(ctx, newPrinter(w, q), first) }), nil
}

// reader is the near end of a pipe whose far end a goroutine writes to: it writes no faster than the caller reads.
type reader struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
}

func start(ctx context.Context, write func(context.Context, io.Writer) error) *reader {
	ctx, cancel := context.WithCancel(ctx)
	near, far := io.Pipe()
	r := &reader{near, cancel, make(chan struct{})}
	go func() {
		defer close(r.done)
		// A writer that nobody reads from must hear of the end of ctx too.
		defer context.AfterFunc(ctx, func() { far.CloseWithError(context.Cause(ctx)) })()
		far.CloseWithError(write(ctx, far))
	}()
	return r
}

// Close ends the reader and waits for its goroutine.
func (r *reader) Close() error {
	r.cancel()
	err := r.PipeReader.Close()
	<-r.done
	return err
}
