package fargatesim_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func dependsOn(name string, condition ecstypes.ContainerCondition) func(*containerInput) {
	return func(c *containerInput) {
		c.DependsOn = append(c.DependsOn, ecstypes.ContainerDependency{ContainerName: &name, Condition: condition})
	}
}

func both(changes ...func(*definitionInput)) func(*definitionInput) {
	return func(in *definitionInput) {
		for _, change := range changes {
			change(in)
		}
	}
}

// diary notes what scripts do, in order.
type diary struct {
	mu    sync.Mutex // guards lines
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func TestInitAndSidecarStartAndStopInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{
			Choose: func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
				if c.Name == "" { // only asked which image to pull
					return fargatesim.Script{}, false
				}
				d.note("+" + c.Name)
				return fargatesim.Script{Run: func(stop context.Context, c fargatesim.ContainerSpec) fargatesim.Exit {
					if c.Name == "init" {
						time.Sleep(time.Minute)
					} else {
						<-stop.Done()
					}
					d.note("-" + c.Name)
					return fargatesim.Exit{}
				}}, true
			}}})
		a.register(both(
			app(dependsOn("sidecar", "START")), app(dependsOn("init", "SUCCESS")),
			with("sidecar", func(c *containerInput) { c.Essential = aws.Bool(false); dependsOn("init", "SUCCESS")(c) }),
			with("init", func(c *containerInput) { c.Essential = aws.Bool(false) })))
		arn := *a.run(nil).TaskArn
		running := a.await(arn, "RUNNING")
		if ran := running.StartedAt.Sub(*running.CreatedAt); ran < time.Minute {
			t.Errorf("RUNNING means that all containers have started, after %v", ran)
		}
		a.stop(arn)
		a.await(arn, "STOPPED")
		want := []string{"+init", "-init", "+sidecar", "+app", "-app", "-sidecar"}
		if diff := cmp.Diff(want, d.lines); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestAFailedInitEndsTheTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"busybox": fargatesim.Exits(3, time.Second)}}})
		a.register(both(app(dependsOn("init", "SUCCESS")), with("init", func(c *containerInput) { c.Essential = aws.Bool(false) })))
		stopped := a.await(*a.run(nil).TaskArn, "STOPPED")
		if *stopped.Containers[1].ExitCode != 3 || stopped.Containers[0].ExitCode != nil || stopped.StopCode != "TaskFailedToStart" {
			t.Errorf("want the init's 3 and an app that never ran: %+v", stopped.Containers)
		}
		if slices.Contains(statuses(a.Steps(*stopped.TaskArn)), "RUNNING") {
			t.Error("the task was RUNNING without its app")
		}
	})
}

func TestANonEssentialEndLeavesTheTaskRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"busybox": fargatesim.Exits(1, time.Second)}}})
		a.register(with("helper", func(c *containerInput) { c.Essential = aws.Bool(false) }))
		arn := *a.run(nil).TaskArn
		time.Sleep(time.Hour)
		task := a.await(arn, "RUNNING")
		if *task.Containers[1].LastStatus != "STOPPED" || *task.Containers[1].ExitCode != 1 {
			t.Errorf("the helper: %+v", task.Containers[1])
		}
	})
}

func TestHealthIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := func(n int, _ []string) (int, error) {
			switch {
			case n == 1:
				return 0, errors.New("not ready")
			case n < 4:
				return 0, nil
			}
			return 1, nil
		}
		a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": {Exec: answers}}}})
		a.register(app(func(c *containerInput) {
			c.HealthCheck = &ecstypes.HealthCheck{Command: []string{"CMD", "check"}, Interval: aws.Int32(10), Retries: aws.Int32(2)}
		}))
		arn := *a.run(nil).TaskArn
		var versions []int64
		for _, want := range []ecstypes.HealthStatus{"UNKNOWN", "HEALTHY", "UNHEALTHY"} {
			task, err := a.AwaitTask(t.Context(), func(t ecstypes.Task) bool { return *t.LastStatus == "RUNNING" && t.HealthStatus == want })
			if err != nil || task.Containers[0].HealthStatus != want {
				t.Fatalf("want %s, got %+v", want, task.Containers)
			}
			versions = append(versions, task.Version)
		}
		time.Sleep(time.Hour)
		a.await(arn, "RUNNING") // health stops nothing
		if versions[0] != versions[2] {
			t.Errorf("health made versions of the task: %v", versions)
		}
	})
}

func TestHealthyIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{})
		a.register(both(app(dependsOn("db", "HEALTHY")), with("db", func(c *containerInput) {
			c.HealthCheck = &ecstypes.HealthCheck{Command: []string{"CMD-SHELL", "true"}, Interval: aws.Int32(30)}
		})))
		task := a.await(*a.run(nil).TaskArn, "RUNNING")
		if waited := task.StartedAt.Sub(*task.CreatedAt); waited < 30*time.Second {
			t.Errorf("the first check comes after 30 s, the app started after %v", waited)
		}
	})
}

func TestARestartPolicyNeedsItsTime(t *testing.T) {
	for why, row := range map[string]struct {
		script fargatesim.Script
		policy ecstypes.ContainerRestartPolicy
		runs   int
	}{
		"a crash before the period ends the task": {fargatesim.Exits(1, 59*time.Second), ecstypes.ContainerRestartPolicy{RestartAttemptPeriod: aws.Int32(60)}, 1},
		"the default period is 300 s":             {fargatesim.Exits(1, 299*time.Second), ecstypes.ContainerRestartPolicy{}, 1},
		"a code that is ignored ends the task":    {fargatesim.Exits(4, time.Hour), ecstypes.ContainerRestartPolicy{IgnoredExitCodes: []int32{4}}, 1},
		"a crash after the period is restarted":   {fargatesim.Exits(1, 61*time.Second), ecstypes.ContainerRestartPolicy{RestartAttemptPeriod: aws.Int32(60)}, 3},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{
					Choose: func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
						if c.Name == "" {
							return fargatesim.Script{}, false
						}
						if runs++; c.Restart == 2 {
							return fargatesim.Exits(0, 0), true
						}
						return row.script, true
					}}})
				a.register(app(func(c *containerInput) { row.policy.Enabled = aws.Bool(true); c.RestartPolicy = &row.policy }))
				a.await(*a.run(nil).TaskArn, "STOPPED")
				if runs != row.runs {
					t.Errorf("want %d runs, got %d", row.runs, runs)
				}
			})
		})
	}
}

func TestTheStopTimeoutIsKept(t *testing.T) {
	for why, row := range map[string]struct {
		timeout *int32
		took    time.Duration
		code    int32
	}{
		"the default is 30 s":        {nil, 30 * time.Second, 137},
		"120 s are enough to finish": {aws.Int32(120), 100 * time.Second, 0},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, fargatesim.Config{Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": {StopAfter: 100 * time.Second, StopCode: aws.Int(0)}}}})
				a.register(app(func(c *containerInput) { c.StopTimeout = row.timeout }))
				arn := *a.run(nil).TaskArn
				a.await(arn, "RUNNING")
				a.stop(arn)
				task := a.await(arn, "STOPPED")
				if took := task.ExecutionStoppedAt.Sub(*task.StoppingAt); took != row.took || *task.Containers[0].ExitCode != row.code {
					t.Errorf("want %v and exit code %d, got %v and %d", row.took, row.code, took, *task.Containers[0].ExitCode)
				}
			})
		})
	}
}

func TestATaskThatIsStoppedBeforeItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Delays: fargatesim.FargateDelays})
		a.register(nil)
		for _, status := range []string{"PROVISIONING", "PENDING", "ACTIVATING"} {
			arn := *a.run(nil).TaskArn
			a.await(arn, status)
			a.stop(arn)
			task := a.await(arn, "STOPPED")
			if task.StartedAt != nil || task.StopCode != "UserInitiated" || *task.Containers[0].LastStatus != "STOPPED" {
				t.Errorf("stopped while %s: %+v", status, task)
			}
		}
		out, err := a.ec2.DescribeNetworkInterfaces(t.Context(), nil)
		if err != nil || len(out.NetworkInterfaces) != 0 {
			t.Errorf("network interfaces are left: %v, %+v", err, out)
		}
		if _, err := a.ecs.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("demo")}); err != nil {
			t.Errorf("an empty cluster can be deleted: %v", err)
		}
	})
}
