package launcher_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/launcher"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// launching runs a story on a clock of its own, before an ECS with nothing in it.
func launching(t *testing.T, story func(*testing.T, *fakeECS, *launcher.Launcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ecs := newFake()
		story(t, ecs, launcher.New(ecs, cluster))
	})
}

// mustLaunch returns the task of a launch that has to succeed.
func mustLaunch(t *testing.T, l *launcher.Launcher, tr taskdef.Translation) ecstypes.Task {
	t.Helper()
	task, err := l.Launch(t.Context(), tr)
	if err != nil {
		t.Fatalf("launch: %v", err)
	}
	return task
}

// wantCalls compares how often operations were called since they were last asked for.
func wantCalls(t *testing.T, f *fakeECS, reason string, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for operation := range want {
		got[operation] = f.count(operation)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: calls (-want +got):\n%s", reason, diff)
	}
}

func TestTwentyReplicasRegisterOnce(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		var replicas sync.WaitGroup
		for i := range 20 {
			replicas.Go(func() { mustLaunch(t, l, translation("vk-a-web-1", "web-"+strconv.Itoa(i))) })
		}
		replicas.Wait()
		wantCalls(t, f, "at once", map[string]int{"Describe": 1, "Register": 1, "RunTask": 20})

		mustLaunch(t, l, translation("vk-a-web-1", "web-20"))
		wantCalls(t, f, "one more", map[string]int{"Describe": 0, "Register": 0, "RunTask": 1})

		mustLaunch(t, l, translation("vk-a-web-2", "web-21"))
		wantCalls(t, f, "another template", map[string]int{"Describe": 1, "Register": 1, "RunTask": 1})

		mustLaunch(t, launcher.New(f, cluster), translation("vk-a-web-1", "web-22"))
		wantCalls(t, f, "after a restart", map[string]int{"Describe": 1, "Register": 0, "RunTask": 1})
		if n := len(f.tasks); n != 23 {
			t.Errorf("%d tasks, want 23", n)
		}
	})
}

func TestTheRequestIsLeftAsItWas(t *testing.T) {
	launching(t, func(t *testing.T, _ *fakeECS, l *launcher.Launcher) {
		tr := translation("vk-a-web-1", "web-0")
		task := mustLaunch(t, l, tr)
		if got := aws.ToString(task.TaskDefinitionArn); got != "arn:aws:ecs:eu-west-1:1:task-definition/vk-a-web-1:1" {
			t.Errorf("the task runs %s", got)
		}
		if tr.Run.TaskDefinition != nil {
			t.Errorf("the translation was changed: %s", *tr.Run.TaskDefinition)
		}
	})
}

func TestForeignDefinitionsAreNotTrusted(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		change func(*taskdef.Translation) // of what lies under our family
	}{
		"no digest": {"a family is only a name: anybody may register under it",
			func(tr *taskdef.Translation) { tr.Definition.Tags = nil }},
		"another digest": {"the sixteen digits in the name are the beginning of many digests",
			func(tr *taskdef.Translation) { tr.Definition.Tags[0].Value = aws.String("another") }},
		"our digest on another image": {"a tag is only a claim",
			func(tr *taskdef.Translation) {
				tr.Definition.ContainerDefinitions[0].Image = aws.String("evil:1")
			}},
		"our digest with another container": {"a definition of more than we asked for",
			func(tr *taskdef.Translation) {
				tr.Definition.ContainerDefinitions = append(tr.Definition.ContainerDefinitions,
					ecstypes.ContainerDefinition{Name: aws.String("miner"), Image: aws.String("evil:1")})
			}},
	} {
		t.Run(name, func(t *testing.T) {
			launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
				foreign := translation("vk-a-web-1", "")
				c.change(&foreign)
				if _, err := f.RegisterTaskDefinition(t.Context(), foreign.Definition); err != nil {
					t.Fatal(err)
				}
				task := mustLaunch(t, l, translation("vk-a-web-1", "web-0"))
				if got := *task.TaskDefinitionArn; got != "arn:aws:ecs:eu-west-1:1:task-definition/vk-a-web-1:2" {
					t.Errorf("%s: the task runs %s", c.reason, got)
				}
			})
		})
	}
}

func TestADefinitionDeregisteredBehindOurBack(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		mustLaunch(t, l, translation("vk-a-web-1", "web-0"))
		f.behindOurBack("vk-a-web-1")
		f.count("Register")
		var replicas sync.WaitGroup
		for i := range 5 {
			replicas.Go(func() {
				task := mustLaunch(t, l, translation("vk-a-web-1", "web-"+strconv.Itoa(i+1)))
				if got := *task.TaskDefinitionArn; got != "arn:aws:ecs:eu-west-1:1:task-definition/vk-a-web-1:2" {
					t.Errorf("the task runs %s", got)
				}
			})
		}
		replicas.Wait()
		wantCalls(t, f, "five replicas after that", map[string]int{"Register": 1})
	})
}

func TestWhatIsGoneIsNotTriedAgain(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		mustLaunch(t, l, translation("vk-a-web-1", "web-0"))
		f.behindOurBack("vk-a-web-1")
		f.setWrong("Register", &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")})
		if _, err := l.Launch(t.Context(), translation("vk-a-web-1", "web-1")); err == nil {
			t.Fatal("there is no definition, and the launch reports success")
		}
		f.setWrong("Register", nil)
		f.count("RunTask")
		mustLaunch(t, l, translation("vk-a-web-1", "web-1"))
		wantCalls(t, f, "the next attempt", map[string]int{"RunTask": 1})
	})
}

func TestLaunchIsIdempotent(t *testing.T) {
	tr := translation("vk-a-web-1", "web-0")
	for name, c := range map[string]struct {
		reason  string
		between func(*fakeECS, *taskdef.Translation) // the two launches
		want    string                               // last status of the second one's task
	}{
		"the same request": {"the daemon was killed after RunTask",
			func(*fakeECS, *taskdef.Translation) {}, "PROVISIONING"},
		"the task has stopped": {"RunTask tells its ARN and no more: the rest is asked for",
			func(f *fakeECS, _ *taskdef.Translation) { f.set("STOPPED") }, "STOPPED"},
		"another request": {"a label was changed meanwhile: a conflict, and what is there is adopted",
			func(_ *fakeECS, tr *taskdef.Translation) {
				tr.Run.Tags = []ecstypes.Tag{{Key: aws.String("app"), Value: aws.String("web")}}
			}, "PROVISIONING"},
		"the definition was registered anew": {"another revision is another request",
			func(f *fakeECS, _ *taskdef.Translation) { f.behindOurBack("vk-a-web-1") }, "PROVISIONING"},
		"the task is not to be seen": {"ECS shows it later: its ARN is enough to watch it",
			func(f *fakeECS, tr *taskdef.Translation) {
				tr.Run.Tags = []ecstypes.Tag{{Key: aws.String("app"), Value: aws.String("web")}}
				f.tasks = map[string]ecstypes.Task{}
			}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
				first := mustLaunch(t, l, tr)
				again := translation("vk-a-web-1", "web-0")
				c.between(f, &again)
				second := mustLaunch(t, launcher.New(f, cluster), again)
				if *second.TaskArn != *first.TaskArn || len(f.tokens) != 1 {
					t.Errorf("%s: %s became %s", c.reason, *first.TaskArn, *second.TaskArn)
				}
				if got := aws.ToString(second.LastStatus); got != c.want {
					t.Errorf("%s: the task is %q, want %q", c.reason, got, c.want)
				}
				if whole := len(second.Containers) == 1; whole != (c.want != "") {
					t.Errorf("%s: the task has %d containers", c.reason, len(second.Containers))
				}
			})
		})
	}
}

// set gives all tasks a status.
func (f *fakeECS) set(last string) {
	for arn, task := range f.tasks {
		task.LastStatus, task.DesiredStatus = &last, &last
		f.tasks[arn] = task
	}
}

func TestALostReplyIsNoSecondTask(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		f.losing = true
		if _, err := l.Launch(t.Context(), translation("vk-a-web-1", "web-0")); err == nil {
			t.Fatal("the reply was lost, and the launch reports success")
		}
		f.losing = false
		mustLaunch(t, l, translation("vk-a-web-1", "web-0"))
		if n := len(f.tasks); n != 1 {
			t.Errorf("%d tasks, want the one that was started", n)
		}
	})
}

func TestLaunchFailures(t *testing.T) {
	cause := &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")}
	for name, c := range map[string]struct {
		reason  string
		arrange func(*fakeECS)
		is      func(error) bool
		says    string
	}{
		"RunTask answers 200 and no task": {"a failure is an error, in AWS's words",
			func(f *fakeECS) {
				f.refuse = []ecstypes.Failure{{Reason: aws.String("Capacity is unavailable at this time."), Detail: aws.String("eu-west-1a")}}
			},
			func(err error) bool { var failure *awserr.Failure; return errors.As(err, &failure) },
			"Capacity is unavailable at this time.: eu-west-1a"},
		"RunTask fails": {"the cause stays to be asked for",
			func(f *fakeECS) { f.wrong["RunTask"] = cause },
			func(err error) bool { return errors.Is(err, cause) },
			"run task: ServerException: Service Unavailable. Please try again later."},
		"no registration": {"what was tried is said once",
			func(f *fakeECS) { f.wrong["Register"] = cause },
			func(err error) bool { return errors.Is(err, cause) },
			"register task definition vk-a-web-1: ServerException: Service Unavailable. Please try again later."},
		"no look": {"without a look nothing is registered, or each outage would leave a revision",
			func(f *fakeECS) { f.wrong["Describe"] = cause },
			func(err error) bool { return errors.Is(err, cause) },
			"describe task definition vk-a-web-1: ServerException: Service Unavailable. Please try again later."},
	} {
		t.Run(name, func(t *testing.T) {
			launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
				c.arrange(f)
				_, err := l.Launch(t.Context(), translation("vk-a-web-1", "web-0"))
				if err == nil || !c.is(err) || err.Error() != c.says {
					t.Errorf("%s: error %v, want %s", c.reason, err, c.says)
				}
				f.refuse, f.wrong = nil, map[string]error{}
				mustLaunch(t, l, translation("vk-a-web-1", "web-0"))
			})
		})
	}
}

func TestOneWhoLeavesDoesNotFailTheOthers(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		first, leave := context.WithCancel(t.Context())
		var askers sync.WaitGroup
		askers.Go(func() {
			if _, err := l.Launch(first, translation("vk-a-web-1", "web-0")); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left got %v", err)
			}
		})
		synctest.Wait() // the first one has begun the look-up
		for i := range 3 {
			askers.Go(func() { mustLaunch(t, l, translation("vk-a-web-1", "web-"+strconv.Itoa(i+1))) })
		}
		time.Sleep(50 * time.Millisecond) // in the middle of it
		leave()
		askers.Wait()
		wantCalls(t, f, "for the three who stayed", map[string]int{"Describe": 1, "Register": 1, "RunTask": 3})
	})
}

func TestStop(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		arn := *mustLaunch(t, l, translation("vk-a-web-1", "web-0")).TaskArn
		for _, when := range []string{"while it runs", "again", "after ECS has forgotten it"} {
			if when == "after ECS has forgotten it" {
				delete(f.tasks, arn)
			}
			if err := l.Stop(t.Context(), arn, "the pod was deleted"); err != nil {
				t.Errorf("stop %s: %v", when, err)
			}
			if task, known := f.tasks[arn]; known && awserr.Stopped(stopped(task)).Cause != awserr.StoppedByUs {
				t.Errorf("the task's reason is %q, by which nobody knows that it was us", *task.StoppedReason)
			}
		}
		cause := &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")}
		f.wrong["StopTask"] = cause
		if err := l.Stop(t.Context(), arn, "the pod was deleted"); !errors.Is(err, cause) {
			t.Errorf("a stop that AWS did not take: %v", err)
		}
	})
}

// stopped is a task as it will be when the stop has been carried out.
func stopped(task ecstypes.Task) ecstypes.Task {
	task.StopCode = ecstypes.TaskStopCodeUserInitiated
	return task
}

var _ launcher.API = (*ecs.Client)(nil)
