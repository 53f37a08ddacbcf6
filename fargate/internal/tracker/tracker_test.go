package tracker_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/tracker"
)

func TestLooksCostAsFewCallsAsTheyCan(t *testing.T) {
	for n, calls := range map[int]int{0: 0, 1: 1, 100: 1, 101: 2, 250: 3} {
		t.Run(fmt.Sprintf("%d tasks", n), func(t *testing.T) {
			tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, _ *heard) {
				for i := range n {
					ecs.put(task(i, 1, "RUNNING"))
					tr.Watch(arnOf(i))
				}
				after(10 * time.Second) // all are known to be settled
				ecs.since()
				after(5 * time.Second)
				if got := len(ecs.since()); got != calls {
					t.Errorf("%d calls in five calm seconds, want %d", got, calls)
				}
			})
		})
	}
}

func TestCadence(t *testing.T) {
	tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, _ *heard) {
		ecs.put(task(1, 1, "RUNNING"))
		tr.Watch(arnOf(1))
		after(7 * time.Second)
		ecs.put(task(2, 1, "PENDING"))
		tr.Watch(arnOf(2))
		after(1800 * time.Millisecond)
		ecs.put(task(2, 2, "RUNNING"))
		after(7 * time.Second)
		second := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
		want := []look{
			{second(0.5), 1},                                   // the new task, which turns out settled
			{second(5), 1},                                     // the calm look
			{second(7.5), 1}, {second(8), 1}, {second(8.5), 1}, // the second new one, alone
			{second(9), 1},                   // it runs: settled
			{second(10), 2}, {second(15), 2}, // calm looks at both
		}
		if diff := cmp.Diff(want, ecs.since(), cmp.AllowUnexported(look{})); diff != "" {
			t.Errorf("looks (-want +got):\n%s", diff)
		}
	})
}

func TestHurryAwaitsTheStop(t *testing.T) {
	tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, listener *heard) {
		ecs.put(task(1, 1, "RUNNING"))
		tr.Watch(arnOf(1))
		after(6 * time.Second)
		tr.Hurry(arnOf(1))
		tr.Hurry("arn of a task that nobody watches")
		ecs.put(task(1, 2, "STOPPED"))
		after(500 * time.Millisecond)
		want := []string{"001 v1 RUNNING", "001 v2 STOPPED"}
		if diff := cmp.Diff(want, listener.all()); diff != "" {
			t.Errorf("half a second after the hurry (-want +got):\n%s", diff)
		}
	})
}

func TestOlderSightingsAreDropped(t *testing.T) {
	tracking(t, func(_ *fakeECS, tr *tracker.Tracker, listener *heard) {
		tr.Observe(task(1, 9, "RUNNING")) // not watched: no news
		tr.Watch(arnOf(1))
		tr.Observe(task(1, 3, "ACTIVATING"))
		tr.Observe(task(1, 2, "PENDING")) // an event that was late
		tr.Observe(task(1, 3, "ACTIVATING"))
		tr.Watch(arnOf(1)) // again: changes nothing
		tr.Observe(task(1, 4, "RUNNING"))
		tr.Forget(arnOf(1))
		tr.Observe(task(1, 5, "STOPPED"))
		want := []string{"001 v3 ACTIVATING", "001 v4 RUNNING"}
		if diff := cmp.Diff(want, listener.all()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if n := tr.Watched(); n != 0 {
			t.Errorf("%d tasks are watched after the last was forgotten", n)
		}
	})
}

func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		story  func(*fakeECS, *tracker.Tracker)
		want   []string
	}{
		"shown late": {"ECS may not know for a while what it has just started",
			func(ecs *fakeECS, tr *tracker.Tracker) {
				tr.Watch(arnOf(1))
				after(tracker.Consistency - time.Second)
				ecs.put(task(1, 1, "RUNNING"))
				after(time.Minute)
			}, []string{"001 v1 RUNNING"}},
		"never shown": {"told once, when the window has passed",
			func(_ *fakeECS, tr *tracker.Tracker) {
				tr.Watch(arnOf(1))
				after(2 * tracker.Consistency)
			}, []string{"001 missing"}},
		"lost sight of": {"a task that ran for an hour is not given up for one bad answer",
			func(ecs *fakeECS, tr *tracker.Tracker) {
				ecs.put(task(1, 1, "RUNNING"))
				tr.Watch(arnOf(1))
				after(time.Hour)
				ecs.drop(arnOf(1))
				after(tracker.Consistency - 10*time.Second)
				ecs.put(task(1, 2, "RUNNING"))
				after(time.Hour)
			}, []string{"001 v1 RUNNING", "001 v2 RUNNING"}},
		"gone": {"an answer that stays the same is believed",
			func(ecs *fakeECS, tr *tracker.Tracker) {
				ecs.put(task(1, 1, "RUNNING"))
				tr.Watch(arnOf(1))
				after(time.Hour)
				ecs.drop(arnOf(1))
				after(tracker.Consistency + 10*time.Second)
			}, []string{"001 v1 RUNNING", "001 missing"}},
		"unknown to the first answer after an outage": {"that there was no answer says nothing of the task",
			func(ecs *fakeECS, tr *tracker.Tracker) {
				ecs.put(task(1, 1, "RUNNING"))
				tr.Watch(arnOf(1))
				after(time.Hour)
				ecs.fail(arnOf(1))
				after(tracker.Consistency + time.Minute)
				ecs.drop(arnOf(1))
				ecs.fail("")
				after(5 * time.Second) // one look
				ecs.put(task(1, 2, "RUNNING"))
				after(time.Hour)
			}, []string{"001 v1 RUNNING", "001 v2 RUNNING"}},
		"unknown to the last answer before an outage, too": {"nor do two answers tell what was so for minutes between them",
			func(ecs *fakeECS, tr *tracker.Tracker) {
				ecs.put(task(1, 1, "RUNNING"))
				tr.Watch(arnOf(1))
				after(time.Hour)
				ecs.drop(arnOf(1))
				after(5 * time.Second) // one look
				ecs.fail(arnOf(1))
				after(tracker.Consistency + time.Minute)
				ecs.fail("")
				after(5 * time.Second) // one look
				ecs.put(task(1, 2, "RUNNING"))
				after(time.Hour)
			}, []string{"001 v1 RUNNING", "001 v2 RUNNING"}},
		"gone, and looks fail": {"a look that fails now and then does not put it off",
			func(ecs *fakeECS, tr *tracker.Tracker) {
				ecs.put(task(1, 1, "RUNNING"))
				tr.Watch(arnOf(1))
				after(time.Hour)
				ecs.drop(arnOf(1))
				for range 4 {
					after(15 * time.Second)
					ecs.fail(arnOf(1))
					after(20 * time.Second)
					ecs.fail("")
				}
				after(5 * time.Second)
			}, []string{"001 v1 RUNNING", "001 missing"}},
		"forgotten": {"what nobody watches cannot be missed",
			func(_ *fakeECS, tr *tracker.Tracker) {
				tr.Watch(arnOf(1))
				after(time.Second)
				tr.Forget(arnOf(1))
				after(time.Hour)
			}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, listener *heard) {
				c.story(ecs, tr)
				if diff := cmp.Diff(c.want, listener.all()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.reason, diff)
				}
			})
		})
	}
}

func TestOneFailingBatchDoesNotLoseTheOthers(t *testing.T) {
	tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, listener *heard) {
		for i := range 250 {
			ecs.put(task(i, 1, "RUNNING"))
			tr.Watch(arnOf(i))
		}
		ecs.fail(arnOf(120))
		after(6 * time.Second)
		if n := len(listener.all()); n != 150 {
			t.Errorf("%d tasks were heard of, want the 150 of the other two batches", n)
		}
		ecs.fail("")
		after(6 * time.Second)
		if n := len(listener.all()); n != 250 {
			t.Errorf("%d tasks were heard of once AWS was well again, want all 250", n)
		}
	})
}

func TestATaskOfAnotherClusterHarmsNoOther(t *testing.T) {
	tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, listener *heard) {
		for i := range 3 {
			ecs.put(task(i, 1, "RUNNING"))
			tr.Watch(arnOf(i))
		}
		tr.Watch("arn:aws:ecs:eu-west-1:1:task/old/left-behind")
		after(time.Second)
		if n := len(listener.all()); n != 3 {
			t.Errorf("heard %v, want all three tasks that ECS can read", listener.all())
		}
		ecs.since()
		after(4 * time.Second)
		if n := len(ecs.since()); n > 5 {
			t.Errorf("%d calls: the ARN that ECS cannot read is asked for in a hurry", n)
		}
		after(tracker.Consistency)
		if got := listener.all(); got[len(got)-1] != "left-behind missing" || len(got) != 4 {
			t.Errorf("heard %v, want the fourth to be missing at last", got)
		}
	})
}

func TestEveryVersionInOrderWhateverTheSource(t *testing.T) {
	tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, listener *heard) {
		tr.Watch(arnOf(1))
		var sources sync.WaitGroup
		for source := range 4 { // polls, events, launches and listings race
			sources.Go(func() {
				for version := range int64(50) {
					tr.Observe(task(1, version+int64(source), "PENDING"))
					tr.Hurry(arnOf(1))
				}
			})
		}
		sources.Wait()
		var last int64
		for _, event := range listener.all() {
			var version int64
			if _, err := fmt.Sscanf(event, "001 v%d PENDING", &version); err != nil || version <= last {
				t.Fatalf("heard %s after version %d", event, last)
			}
			last = version
		}
		if last != 52 {
			t.Errorf("the last version heard of is %d, want 52", last)
		}
	})
}

// Task.Version counts what starts an event, and no event tells of health.
func TestHealthIsNewsWithoutANewVersion(t *testing.T) {
	tracking(t, func(ecs *fakeECS, tr *tracker.Tracker, listener *heard) {
		healthy := func(status ecstypes.HealthStatus) ecstypes.Task {
			task := task(1, 4, "RUNNING")
			task.Containers = []ecstypes.Container{{Name: aws.String("web"), HealthStatus: status}}
			return task
		}
		tr.Watch(arnOf(1))
		for _, status := range []ecstypes.HealthStatus{"UNKNOWN", "HEALTHY", "UNHEALTHY"} {
			ecs.put(healthy(status))
			after(10 * time.Second) // seen twice
		}
		older := healthy("HEALTHY")
		older.Version = 3
		tr.Observe(older)
		if got := listener.all(); len(got) != 3 {
			t.Errorf("heard %v, want each health once", got)
		}
	})
}
