package containerlog_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/containerlog"
)

// account is a local Fargate with AWS's own clients for it.
type account struct {
	*fargatesim.Server
	t     *testing.T
	ecs   *ecs.Client
	logs  *cloudwatchlogs.Client
	clock *clock
}

// clock is AWS's, as its answers state it: so much ahead of the test's.
type clock struct {
	next  http.RoundTripper
	ahead time.Duration
}

func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // an SDK that has learnt of the difference signs by AWS's clock; the account's is the test's
	r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
	response, err := c.next.RoundTrip(r)
	if err == nil {
		response.Header.Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
	}
	return response, err
}

func newAccount(t *testing.T, config fargatesim.Config) account {
	t.Helper()
	config.Clusters, config.Unthrottled = []string{"demo"}, true
	sim := fargatesim.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = sim.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	c := &clock{next: sim.Client().Transport}
	settings := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://fargate.test"), HTTPClient: &http.Client{Transport: c},
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "example"}, nil
		}),
	}
	return account{sim, t, ecs.NewFromConfig(settings), cloudwatchlogs.NewFromConfig(settings), c}
}

// run starts a task whose one container logs, and returns it with its stream once it has started.
func (a account) run() (ecstypes.Task, containerlog.Stream) {
	a.t.Helper()
	if _, err := a.ecs.RegisterTaskDefinition(a.t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("execution"),
		NetworkMode: ecstypes.NetworkModeAwsvpc, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("app"), Image: aws.String("app"),
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/demo", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk"}}}},
	}); err != nil {
		a.t.Fatal(err)
	}
	out, err := a.ecs.RunTask(a.t.Context(), &ecs.RunTaskInput{Cluster: aws.String("demo"), TaskDefinition: aws.String("web"),
		LaunchType: ecstypes.LaunchTypeFargate, NetworkConfiguration: &ecstypes.NetworkConfiguration{
			AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}}})
	if err != nil || len(out.Tasks) != 1 {
		a.t.Fatalf("RunTask: %v, %+v", err, out)
	}
	task := out.Tasks[0]
	id := (*task.TaskArn)[strings.LastIndex(*task.TaskArn, "/")+1:]
	return task, containerlog.Stream{Group: "/demo", Name: "vk/app/" + id, Ended: func() (time.Time, bool) {
		described, err := a.ecs.DescribeTasks(context.Background(), &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{*task.TaskArn}})
		if err != nil || len(described.Tasks) != 1 || described.Tasks[0].ExecutionStoppedAt == nil {
			return time.Time{}, false
		}
		return *described.Tasks[0].ExecutionStoppedAt, true
	}}
}

// counting writes lines, one at a time, and ends.
func counting(lines int, every time.Duration) fargatesim.Runtime {
	return &fargatesim.Scripted{Images: map[string]fargatesim.Script{"app": {
		Run: func(stop context.Context, c fargatesim.ContainerSpec) fargatesim.Exit {
			for i := range lines {
				_, _ = fmt.Fprintln(c.Stdout, "line", i)
				select {
				case <-stop.Done():
					return fargatesim.Exit{Code: 143}
				case <-time.After(every):
				}
			}
			return fargatesim.Exit{}
		}}}}
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		_, _ = fmt.Fprintln(&b, "line", i)
	}
	return b.String()
}

// deny is what IAM answers with.
var deny = fargatesim.Fault{Error: &fargatesim.Error{Status: 400, Code: "AccessDeniedException",
	Message: "User: arn:aws:sts::123456789012:assumed-role/vk/i-1 is not authorized to perform: logs:GetLogEvents"}}

// bothWays runs a test with GetLogEvents, and once more where it is denied, with lines that take 6 s to show up.
func bothWays(t *testing.T, runtime func() fargatesim.Runtime, test func(*testing.T, account, *containerlog.Logs)) {
	for name, denied := range map[string]bool{"GetLogEvents": false, "FilterLogEvents": true} {
		for _, sparse := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " sparse ", sparse), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(27 * 365 * 24 * time.Hour) // newest first is there for lines since 2024
					delays := fargatesim.FargateDelays
					delays.Logs = 6 * time.Second
					a := newAccount(t, fargatesim.Config{LogGroups: []string{"/demo"}, Delays: delays, SparsePages: sparse, Runtime: runtime()})
					if denied {
						a.Break("GetLogEvents", deny)
					}
					test(t, a, containerlog.New(a.logs))
				})
			})
		}
	}
}

func read(t *testing.T, l *containerlog.Logs, s containerlog.Stream, o *corev1.PodLogOptions) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour) // what hangs fails
	defer cancel()
	r, err := l.Open(ctx, s, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestFollowOfATaskFromBeforeItsStart(t *testing.T) {
	bothWays(t, func() fargatesim.Runtime { return counting(100, 300*time.Millisecond) }, func(t *testing.T, a account, l *containerlog.Logs) {
		_, stream := a.run()
		if diff := cmp.Diff(numbered(0, 100), read(t, l, stream, &corev1.PodLogOptions{Follow: true})); diff != "" {
			t.Errorf("each line once, the last ones too (-want +got):\n%s", diff)
		}
	})
}

func TestLogOfATaskThatIsOver(t *testing.T) {
	bothWays(t, func() fargatesim.Runtime { return counting(100, 0) }, func(t *testing.T, a account, l *containerlog.Logs) {
		_, stream := a.run()
		time.Sleep(10 * time.Minute) // less than ECS remembers a stopped task
		n := func(i int64) *int64 { return &i }
		for why, row := range map[string]struct {
			options corev1.PodLogOptions
			want    string
		}{
			"all":             {corev1.PodLogOptions{}, numbered(0, 100)},
			"followed":        {corev1.PodLogOptions{Follow: true}, numbered(0, 100)},
			"limited":         {corev1.PodLogOptions{LimitBytes: n(10)}, "line 0\nlin"},
			"since the start": {corev1.PodLogOptions{SinceSeconds: n(1000)}, numbered(0, 100)},
			"since a moment":  {corev1.PodLogOptions{SinceSeconds: n(60)}, ""},
		} {
			if diff := cmp.Diff(row.want, read(t, l, stream, &row.options)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", why, diff)
			}
		}
	})
}

func TestTailOfATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, fargatesim.Config{LogGroups: []string{"/demo"}, SparsePages: true, Runtime: counting(100, 0)})
		_, stream := a.run()
		time.Sleep(10 * time.Minute) // less than ECS remembers a stopped task
		tail := int64(10)
		for _, follow := range []bool{false, true} {
			got := read(t, containerlog.New(a.logs), stream, &corev1.PodLogOptions{TailLines: &tail, Follow: follow})
			if diff := cmp.Diff(numbered(90, 100), got); diff != "" {
				t.Errorf("followed: %v (-want +got):\n%s", follow, diff)
			}
		}
	})
}

// skewed is CloudWatch Logs with a clock that is ahead of this machine's.
type skewed struct {
	*cloudwatchlogs.Client
	ahead time.Duration
}

// moved is a time of the one clock in terms of the other.
func moved(at *int64, by time.Duration) *int64 {
	if at == nil {
		return nil
	}
	return aws.Int64(*at + by.Milliseconds())
}

func (s skewed) GetLogEvents(ctx context.Context, in *cloudwatchlogs.GetLogEventsInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	asked := *in
	asked.StartTime = moved(in.StartTime, -s.ahead)
	out, err := s.Client.GetLogEvents(ctx, &asked, o...)
	if err == nil {
		for i := range out.Events {
			out.Events[i].Timestamp = moved(out.Events[i].Timestamp, s.ahead)
		}
	}
	return out, err
}

func (s skewed) FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	asked := *in
	asked.StartTime = moved(in.StartTime, -s.ahead)
	out, err := s.Client.FilterLogEvents(ctx, &asked, o...)
	if err == nil {
		for i := range out.Events {
			out.Events[i].Timestamp = moved(out.Events[i].Timestamp, s.ahead)
		}
	}
	return out, err
}

// Lines are stamped, and ends are told, by AWS's clock. Its answers state its time, and this machine's may differ.
func TestClocksThatDiffer(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			bothWays(t, func() fargatesim.Runtime { return counting(60, time.Second) }, func(t *testing.T, a account, _ *containerlog.Logs) {
				a.clock.ahead = ahead
				l := containerlog.New(skewed{a.logs, ahead})
				_, stream := a.run()
				end := stream.Ended
				stream.Ended = func() (time.Time, bool) {
					at, ended := end()
					return at.Add(ahead), ended
				}
				if diff := cmp.Diff(numbered(0, 60), read(t, l, stream, &corev1.PodLogOptions{Follow: true})); diff != "" {
					t.Errorf("followed across the end (-want +got):\n%s", diff)
				}
				ended, _ := end()
				seconds := int64(time.Since(ended).Seconds()) + 30
				lines := strings.Count(read(t, l, stream, &corev1.PodLogOptions{SinceSeconds: &seconds}), "\n")
				if lines < 28 || lines > 32 {
					t.Errorf("want the lines of the last half minute, 30 but for rounding, got %d", lines)
				}
			})
		})
	}
}
