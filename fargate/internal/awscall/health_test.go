package awscall

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
)

var (
	denied = answer{status: 400, code: "AccessDeniedException", message: "User: arn:aws:sts::123456789012:assumed-role/vk/i-1 is not authorized to perform: ecs:RunTask"}

	deniedRunTask = Trouble{Service: "ECS", Operation: "RunTask", Reason: "AccessDenied",
		Message: "ecs:RunTask is denied to this node's AWS identity: " + denied.message}
)

func TestHealthAfterOneCall(t *testing.T) {
	for name, row := range map[string]struct {
		reason string
		answer answer
		want   []Trouble
	}{
		"success": {reason: "all is well", want: []Trouble{}},
		"access denied": {
			reason: "the operator must see which action to allow",
			answer: denied,
			want:   []Trouble{deniedRunTask},
		},
		"expired credentials": {
			reason: "they spoil every call of the service",
			answer: answer{status: 400, code: "ExpiredTokenException", message: "The security token included in the request is expired"},
			want: []Trouble{{Service: "ECS", Reason: "CredentialsInvalid",
				Message: "ecs:RunTask has no valid AWS credentials: The security token included in the request is expired"}},
		},
		"no answer": {
			reason: "no route to AWS, or no such endpoint",
			answer: answer{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}},
			want: []Trouble{{Service: "ECS", Reason: "EndpointUnreachable",
				Message: `ecs:RunTask does not reach its endpoint: dial tcp: connection refused`}},
		},
		"server fault": {
			reason: "AWS has an outage",
			answer: answer{status: 503, code: "ServerException", message: "Service Unavailable. Please try again later."},
			want: []Trouble{{Service: "ECS", Operation: "RunTask", Reason: "ServiceError",
				Message: "ecs:RunTask meets a fault of AWS's own: Service Unavailable. Please try again later."}},
		},
		"throttle": {
			reason: "a burst meets throttles in passing",
			answer: throttle,
			want:   []Trouble{},
		},
		"quota": {
			reason: "it is the pod's to show, and slower calls do not mend it",
			answer: answer{status: 400, code: "LimitExceededException", message: "The limit for the resource has been exceeded."},
			want:   []Trouble{},
		},
		"bad request": {
			reason: "one pod's bad request says nothing about the account",
			answer: answer{status: 400, code: "InvalidParameterException", message: "No such image"},
			want:   []Trouble{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, c := newECS(t, &fakeAWS{answer: row.answer}, Options{})
				_ = runTask(t.Context(), c)
				if diff := cmp.Diff(row.want, d.Health()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", row.reason, diff)
				}
			})
		})
	}
}

func TestHealthWithoutCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, Options{})
		cfg := (&fakeAWS{}).config(d, 1)
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no EC2 IMDS role found")
		})
		if err := describeTasks(t.Context(), ecs.NewFromConfig(cfg)); err == nil {
			t.Fatal("want an error")
		}
		want := []Trouble{{Service: "ECS", Reason: "CredentialsInvalid",
			Message: "ecs:DescribeTasks has no valid AWS credentials: get identity: get credentials: no EC2 IMDS role found"}}
		if diff := cmp.Diff(want, d.Health()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestHealthTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := 0
		f := &fakeAWS{}
		d, c := newECS(t, f, Options{HealthChanged: func() { changes++ }})
		unreachable := answer{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route to host")}}
		outage := answer{status: 500, code: "ServerException", message: "Internal failure"}
		for _, step := range []struct {
			reason  string
			answer  answer
			call    func(context.Context, *ecs.Client) error
			want    []string // service:operation reason
			changes int
		}{
			{"a first success tells nothing new", answer{}, runTask, nil, 0},
			{"the first denial is told", denied, runTask, []string{"RunTask AccessDenied"}, 1},
			{"the same once more is not", denied, runTask, []string{"RunTask AccessDenied"}, 1},
			{"another action's success does not allow this one", answer{}, stopTask, []string{"RunTask AccessDenied"}, 1},
			{"a second action is told beside it", denied, stopTask, []string{"RunTask AccessDenied", "StopTask AccessDenied"}, 2},
			{"this action's success clears it", answer{}, runTask, []string{"StopTask AccessDenied"}, 3},
			{"the network is everybody's trouble", unreachable, describeTasks, []string{" EndpointUnreachable", "StopTask AccessDenied"}, 4},
			{"an answer, even a denial, shows that the network is back", denied, stopTask, []string{"StopTask AccessDenied"}, 5},
			{"another reason for the same action replaces the first", outage, stopTask, []string{"StopTask ServiceError"}, 6},
			{"all is well again", answer{}, stopTask, nil, 7},
		} {
			f.answers(step.answer, 0)
			_ = step.call(t.Context(), c)
			var got []string
			for _, trouble := range d.Health() {
				got = append(got, trouble.Operation+" "+trouble.Reason)
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.reason, diff)
			}
			if changes != step.changes {
				t.Errorf("%s: want %d changes told, got %d", step.reason, step.changes, changes)
			}
		}
	})
}

func TestHealthHearsOfAttemptsBeforeTheCallersTimeWasUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{latency: 4 * time.Second, answer: answer{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("i/o timeout")}}}
		d := newDoor(t, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		if err := describeTasks(ctx, ecs.NewFromConfig(f.config(d, 3))); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("want context.DeadlineExceeded, got %v", err)
		}
		want := []Trouble{{Service: "ECS", Reason: "EndpointUnreachable",
			Message: "ecs:DescribeTasks does not reach its endpoint: dial tcp: i/o timeout"}}
		if diff := cmp.Diff(want, d.Health()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestThrottlingIsTroubleOnceItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{answer: throttle}
		d, c := newECS(t, f, Options{})
		want := []Trouble{{Service: "ECS", Operation: "RunTask", Reason: "Throttled", Message: "ecs:RunTask is throttled by AWS: Rate exceeded"}}
		start := time.Now()
		for time.Since(start) < throttlePatience {
			if got := d.Health(); len(got) > 0 {
				t.Fatalf("want patience, got %v after %v", got, time.Since(start))
			}
			_ = runTask(t.Context(), c)
			time.Sleep(time.Second)
		}
		_ = runTask(t.Context(), c)
		if diff := cmp.Diff(want, d.Health()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		f.answers(answer{}, 0)
		_ = runTask(t.Context(), c)
		f.answers(throttle, 0)
		_ = runTask(t.Context(), c)
		if diff := cmp.Diff([]Trouble{}, d.Health()); diff != "" {
			t.Errorf("one success starts it anew (-want +got):\n%s", diff)
		}
	})
}

func TestMessageStaysWhileTheTroubleLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{answer: denied}
		d, c := newECS(t, f, Options{})
		_ = runTask(t.Context(), c)
		f.answers(answer{status: 400, code: "AccessDeniedException", message: "the same about another task definition"}, 0)
		_ = runTask(t.Context(), c)
		if diff := cmp.Diff([]Trouble{deniedRunTask}, d.Health()); diff != "" {
			t.Errorf("a condition must not flap (-want +got):\n%s", diff)
		}
	})
}

func TestWhatHealthLeavesOut(t *testing.T) {
	for name, row := range map[string]struct {
		reason string
		answer answer
		call   func(*testing.T, aws.Config) error
	}{
		"another service": {"a call made once would leave its trouble standing", denied, func(t *testing.T, cfg aws.Config) error {
			_, err := ec2.NewFromConfig(cfg).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
			return err
		}},
		"a log that a user asks for": {"the user is told, and no pod lives by it", denied, func(t *testing.T, cfg aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(cfg).GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogStreamName: aws.String("vk/app/1")})
			return err
		}},
		"a denial at start": {"its caller reports it, and nothing would clear it", denied, func(t *testing.T, cfg aws.Config) error {
			_, err := ecs.NewFromConfig(cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{})
			return err
		}},
		"a caller that left": {"it says nothing about AWS", answer{}, func(t *testing.T, cfg aws.Config) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return runTask(ctx, ecs.NewFromConfig(cfg))
		}},
		"what a retry mends": {"the SDK's second attempt succeeds", answer{}, func(t *testing.T, cfg aws.Config) error {
			cfg.RetryMaxAttempts = 2
			cfg.HTTPClient.(*fakeAWS).answers(throttle, 1)
			if err := runTask(t.Context(), ecs.NewFromConfig(cfg)); err != nil {
				t.Errorf("want the retry to succeed: %v", err)
			}
			return errors.New("first attempt throttled")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor(t, Options{})
				if err := row.call(t, (&fakeAWS{answer: row.answer}).config(d, 1)); err == nil {
					t.Fatal("want the call to fail")
				}
				if diff := cmp.Diff([]Trouble{}, d.Health()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", row.reason, diff)
				}
			})
		})
	}
}
