package awscall

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// atOnce makes n calls from as many goroutines and waits for them.
func atOnce(t *testing.T, n int, call func() error) {
	t.Helper()
	var g errgroup.Group
	for range n {
		g.Go(call)
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestBudgetPacesAFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		_, c := newECS(t, f, Options{})
		start := time.Now()
		atOnce(t, 30, func() error { return runTask(t.Context(), c) })

		times := f.times(start)
		if first := times[17]; first != 0 {
			t.Errorf("nine tenths of the burst of 20 go at once; want call 18 at 0s, got %v", first)
		}
		if last := times[29]; last != 600*time.Millisecond {
			t.Errorf("then 20 a second; want call 30 at 600ms, got %v", last)
		}
	})
}

func TestRunTaskAndStopTaskShareABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		_, c := newECS(t, f, Options{})
		start := time.Now()
		atOnce(t, 90, func() error { return stopTask(t.Context(), c) })
		if err := runTask(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		// RunTask's own bucket is full, the shared one empty: it gives 40 a second.
		if got := f.times(start)[90]; got != 25*time.Millisecond {
			t.Errorf("want RunTask at 25ms, got %v", got)
		}
	})
}

func TestLimitsOverrideTheRateAndShrinkTheBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		_, c := newECS(t, f, Options{Limits: map[string]float64{"RunTask": 2}})
		start := time.Now()
		atOnce(t, 4, func() error { return runTask(t.Context(), c) })
		want := []time.Duration{0, 0, 500 * time.Millisecond, time.Second}
		if diff := cmp.Diff(want, f.times(start)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestUnknownLimitIsAnError(t *testing.T) {
	for name, limits := range map[string]map[string]float64{
		"a family that does not exist would be ignored": {"RunTasks": 1},
		"a rate of nothing would block for ever":        {"RunTask": 0},
	} {
		if _, err := New(Options{Limits: limits}); err == nil {
			t.Errorf("%s: want an error for %v", name, limits)
		}
	}
}

func TestEachServiceHasItsOwnBucketForOtherCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{answer: answer{err: errors.New("connection refused")}}
		d := newDoor(t, Options{})
		cfg := f.config(d, 1)
		ec2Client, stsClient := ec2.NewFromConfig(cfg), sts.NewFromConfig(cfg)
		start := time.Now()
		for range 11 {
			_, _ = ec2Client.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
		}
		if took := time.Since(start).Round(time.Microsecond); took != 200*time.Millisecond {
			t.Errorf("ten at once, then five a second; want the eleventh at 200ms, got %v", took)
		}
		_, _ = stsClient.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if took := time.Since(start).Round(time.Microsecond); took != 200*time.Millisecond {
			t.Errorf("STS must not wait for EC2; want 200ms, got %v", took)
		}
	})
}

func TestWaitForTheBudgetEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		_, c := newECS(t, f, Options{Limits: map[string]float64{"RunTask": 0.01}})
		if err := runTask(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		// One waits for the token, the others behind it.
		var g errgroup.Group
		for range 3 {
			g.Go(func() error {
				if err := runTask(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("want context.DeadlineExceeded, got %v", err)
				}
				return nil
			})
		}
		_ = g.Wait()
		if took := time.Since(start).Round(time.Microsecond); took != time.Second {
			t.Errorf("want them to leave at 1s, got %v", took)
		}
		if err := runTask(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		// Those who left gave their token back: the next is there 100 s after the first call, not later.
		if took := time.Since(start).Round(time.Microsecond); took != 100*time.Second {
			t.Errorf("want the next call at 100s, got %v", took)
		}
	})
}

func TestRetriesOfTheSDKPayToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		d := newDoor(t, Options{Limits: map[string]float64{"TaskDefinitionRead": 0.01}})
		c := ecs.NewFromConfig(f.config(d, 3))
		f.answers(answer{status: 500, code: "ServerException", message: "oops"}, 1)
		start := time.Now()
		if _, err := c.ListTaskDefinitionFamilies(t.Context(), &ecs.ListTaskDefinitionFamiliesInput{}); err != nil {
			t.Fatal(err)
		}
		if got := f.times(start)[1]; got != 100*time.Second {
			t.Errorf("want the retry to wait for its token until 100s, got %v", got)
		}
	})
}

func TestThrottleHalvesTheRateAndItRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		d, c := newECS(t, f, Options{})
		rate := func() float64 { return d.budget.ratesNow(time.Now())["RunTask"] }
		throttleOnce := func() {
			f.answers(throttle, 1)
			if err := runTask(t.Context(), c); err == nil {
				t.Error("want the throttle handed on")
			}
		}
		throttleOnce()
		if got := rate(); got != 10 {
			t.Errorf("want half of 20, got %v", got)
		}
		start := time.Now()
		if err := runTask(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		// AWS's bucket is empty, so ours is, whatever was left of the burst.
		if took := time.Since(start); took < 90*time.Millisecond {
			t.Errorf("want the next call to wait for a token at 10/s, it waited %v", took)
		}
		time.Sleep(15*time.Second - time.Since(start))
		if got := rate(); got != 15 {
			t.Errorf("a third of a second's rate comes back each second; want 15 after 15s, got %v", got)
		}
		time.Sleep(time.Hour)
		if got := rate(); got != 20 {
			t.Errorf("want no more than the full rate, got %v", got)
		}
		for range 20 {
			throttleOnce()
		}
		if got := rate(); got < 1.25 || got > 2 {
			t.Errorf("want a floor near a sixteenth of 20, got %v", got)
		}
	})
}

func TestThrottleWithoutACodeHalvesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, c := newECS(t, &fakeAWS{answer: answer{status: 429}}, Options{})
		_ = runTask(t.Context(), c)
		if got := d.budget.ratesNow(time.Now())["RunTask"]; got != 10 {
			t.Errorf("a proxy's 429 has no AWS code; want a rate of 10, got %v", got)
		}
	})
}

func TestThrottlesOfCallsUnderWayCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{latency: 50 * time.Millisecond, answer: throttle}
		d, c := newECS(t, f, Options{})
		atOnce(t, 18, func() error { _ = runTask(t.Context(), c); return nil })
		if got := d.budget.ratesNow(time.Now())["RunTask"]; got != 10 {
			t.Errorf("want one halving for eighteen calls that were under way at once, got a rate of %v", got)
		}
		if got := d.budget.ratesNow(time.Now())["ClusterResourceModify"]; got != 40 {
			t.Errorf("RunTask's throttle is blamed on its own bucket; want 40 for the shared one, got %v", got)
		}
	})
}

func TestRateCutHoldsForThoseWhoWaitAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeAWS{}
		_, c := newECS(t, f, Options{})
		atOnce(t, 20, func() error { return runTask(t.Context(), c) })
		f.answers(throttle, 1)
		start := time.Now()
		atOnce(t, 21, func() error { _ = runTask(t.Context(), c); return nil })
		// The first of them is throttled at 50 ms; twenty more at 20/s would be through at 1.05 s.
		if took := time.Since(start); took < 1700*time.Millisecond {
			t.Errorf("want the queue slowed down, it was through after %v", took)
		}
	})
}

// The example tells users the rates we start at.
func TestExampleStatesThePublishedRates(t *testing.T) {
	data, err := os.ReadFile("../../../examples/fargate.toml")
	if err != nil {
		t.Fatal(err)
	}
	var example struct{ Limits map[string]float64 }
	if err := toml.Unmarshal(data, &example); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	for family, a := range published {
		want[string(family)] = a.perSecond
	}
	if diff := cmp.Diff(want, example.Limits); diff != "" {
		t.Errorf("(-code +example):\n%s", diff)
	}
}
