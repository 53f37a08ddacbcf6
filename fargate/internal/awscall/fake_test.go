package awscall

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// fakeAWS answers every call after a latency, and notes when each came.
type fakeAWS struct {
	latency time.Duration

	mu    sync.Mutex // guards what follows
	calls []time.Time
	// answer is what the next calls get; the zero value is an empty success.
	answer answer
	// only, when above 0, is how many calls get answer before the successes come back.
	only int
}

// answer is one of AWS's, or the error that came instead.
type answer struct {
	status        int // 0: 200
	code, message string
	err           error
}

func (f *fakeAWS) Do(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.calls = append(f.calls, time.Now())
	a := f.answer
	if f.only > 0 {
		if f.only--; f.only == 0 {
			f.answer = answer{}
		}
	}
	f.mu.Unlock()
	if f.latency > 0 {
		time.Sleep(f.latency)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.response(r), nil
}

func (a answer) response(r *http.Request) *http.Response {
	body, status := "{}", a.status
	if a.code != "" {
		body = `{"__type":"` + a.code + `","message":"` + a.message + `"}`
	}
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{
		StatusCode: status, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amzn-Requestid": {r.Header.Get("Amz-Sdk-Invocation-Id")}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
}

// answers sets what the next n calls get; 0: all that follow.
func (f *fakeAWS) answers(a answer, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer, f.only = a, n
}

// times returns when the calls came, counted from start, without the bucket's rounding of a nanosecond.
func (f *fakeAWS) times(start time.Time) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var since []time.Duration
	for _, t := range f.calls {
		since = append(since, t.Sub(start).Round(time.Microsecond))
	}
	return since
}

// config is that of a client of f whose calls go through d; attempts of 1 leave the SDK's own retries out.
func (f *fakeAWS) config(d *Door, attempts int) aws.Config {
	return aws.Config{
		Region:           "eu-west-1",
		Credentials:      credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		HTTPClient:       f,
		RetryMaxAttempts: attempts,
		APIOptions:       d.APIOptions(),
	}
}

func newDoor(t *testing.T, o Options) *Door {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newECS(t *testing.T, f *fakeAWS, o Options) (*Door, *ecs.Client) {
	t.Helper()
	d := newDoor(t, o)
	return d, ecs.NewFromConfig(f.config(d, 1))
}

func runTask(ctx context.Context, c *ecs.Client) error {
	_, err := c.RunTask(ctx, &ecs.RunTaskInput{TaskDefinition: aws.String("web")})
	return err
}

func stopTask(ctx context.Context, c *ecs.Client) error {
	_, err := c.StopTask(ctx, &ecs.StopTaskInput{Task: aws.String("1")})
	return err
}

func describeTasks(ctx context.Context, c *ecs.Client) error {
	_, err := c.DescribeTasks(ctx, &ecs.DescribeTasksInput{Tasks: []string{"1"}})
	return err
}

var throttle = answer{status: 400, code: "ThrottlingException", message: "Rate exceeded"}
