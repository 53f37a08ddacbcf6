package launcher_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/launcher"
)

const (
	prefix = "vk-a-"
	keep   = time.Hour
)

func nobody(string) bool { return false }

// retire looks for idle definitions once, and fails the test if that fails.
func retire(t *testing.T, l *launcher.Launcher, inUse func(string) bool) int {
	t.Helper()
	gone, err := l.Retire(t.Context(), prefix, inUse, keep)
	if err != nil {
		t.Fatalf("retire: %v", err)
	}
	return gone
}

func wantActive(t *testing.T, f *fakeECS, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, f.activeFamilies()); diff != "" {
		t.Errorf("%s: active families (-want +got):\n%s", when, diff)
	}
}

func TestIdleDefinitionsGoAfterTheKeepTime(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		for _, family := range []string{"vk-a-old", "vk-a-used", "vk-a-web", "vk-b-other"} {
			mustLaunch(t, l, translation(family, family))
		}
		used := func(family string) bool { return family == "vk-a-used" }
		retire(t, l, used)
		time.Sleep(keep / 2)
		mustLaunch(t, l, translation("vk-a-web", "web-1")) // a launch begins the keep time anew
		retire(t, l, used)
		time.Sleep(keep/2 + time.Minute)
		if gone := retire(t, l, used); gone != 1 {
			t.Errorf("%d definitions went, want 1", gone)
		}
		wantActive(t, f, "after the keep time", "vk-a-used", "vk-a-web", "vk-b-other")

		retire(t, l, nobody)
		time.Sleep(keep)
		retire(t, l, nobody)
		wantActive(t, f, "once no pod uses it", "vk-b-other") // another daemon's is never touched

		mustLaunch(t, l, translation("vk-a-old", "old-1"))
		wantActive(t, f, "after a rollback", "vk-a-old", "vk-b-other")
	})
}

func TestDefinitionsOfAnEarlierProcess(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, before *launcher.Launcher) {
		mustLaunch(t, before, translation("vk-a-web", "web-0"))
		time.Sleep(24 * time.Hour)
		now := launcher.New(f, cluster)
		retire(t, now, nobody)
		wantActive(t, f, "at the first look, which knows nothing of the past", "vk-a-web")
		time.Sleep(keep)
		retire(t, now, nobody)
		wantActive(t, f, "after the keep time")
	})
}

func TestAllRevisionsOfAFamilyGo(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		for range 3 { // somebody registered under our family, and so did we
			if _, err := f.RegisterTaskDefinition(t.Context(), translation("vk-a-web", "").Definition); err != nil {
				t.Fatal(err)
			}
		}
		retire(t, l, nobody)
		time.Sleep(keep)
		if gone := retire(t, l, nobody); gone != 1 {
			t.Errorf("%d families went, want 1", gone)
		}
		wantActive(t, f, "after the keep time")
		wantCalls(t, f, "for three revisions", map[string]int{"Deregister": 3})
	})
}

func TestOneFamilysErrorDoesNotKeepTheOthers(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		for _, family := range []string{"vk-a-1", "vk-a-2", "vk-a-3"} {
			mustLaunch(t, l, translation(family, family))
		}
		retire(t, l, nobody)
		time.Sleep(keep)
		cause := &ecstypes.ServerException{Message: aws.String("Service Unavailable. Please try again later.")}
		f.setWrong("Deregister vk-a-2", cause)
		gone, err := l.Retire(t.Context(), prefix, nobody, keep)
		if gone != 2 || !errors.Is(err, cause) || !strings.Contains(err.Error(), "vk-a-2:1") {
			t.Errorf("%d went with error %v, want 2 and the third one named", gone, err)
		}
		f.setWrong("Deregister vk-a-2", nil)
		retire(t, l, nobody)
		wantActive(t, f, "at the next look")

		f.setWrong("List", cause)
		if _, err := l.Retire(t.Context(), prefix, nobody, keep); !errors.Is(err, cause) {
			t.Errorf("a list that failed passes for an empty one: %v", err)
		}
	})
}

func TestALaunchUnderWayKeepsItsDefinition(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		mustLaunch(t, l, translation("vk-a-web", "web-0"))
		retire(t, l, nobody)
		time.Sleep(2 * keep)
		release := make(chan struct{})
		f.during = func(operation string) {
			if operation == "RunTask" {
				<-release
			}
		}
		var launch sync.WaitGroup
		launch.Go(func() { mustLaunch(t, l, translation("vk-a-web", "web-1")) })
		time.Sleep(time.Second) // RunTask is under way
		if gone := retire(t, l, nobody); gone != 0 {
			t.Errorf("%d definitions went while a launch relied on one", gone)
		}
		close(release)
		launch.Wait()
		wantCalls(t, f, "nothing went", map[string]int{"Register": 1, "Deregister": 0})
	})
}

func TestALaunchThatComesWhileItsDefinitionGoes(t *testing.T) {
	for _, operation := range []string{"Describe", "Deregister"} {
		t.Run("during "+operation, func(t *testing.T) {
			launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
				for range 3 {
					if _, err := f.RegisterTaskDefinition(t.Context(), translation("vk-a-web", "").Definition); err != nil {
						t.Fatal(err)
					}
				}
				retire(t, l, nobody)
				time.Sleep(keep)
				f.count("Register")
				var launch sync.WaitGroup
				var once sync.Once
				f.during = func(current string) {
					if current != operation {
						return
					}
					once.Do(func() {
						launch.Go(func() { mustLaunch(t, l, translation("vk-a-web", "web-1")) })
						time.Sleep(time.Millisecond)
					})
				}
				retire(t, l, nobody)
				launch.Wait()
				mustLaunch(t, l, translation("vk-a-web", "web-2"))
				wantCalls(t, f, "an older revision serves", map[string]int{"Register": 0, "Deregister": 1})
			})
		})
	}
}

func TestAStaleAnswerDoesNotKeepTheCleanUpGoing(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		mustLaunch(t, l, translation("vk-a-web", "web-0"))
		retire(t, l, nobody)
		time.Sleep(keep)
		f.sticky = true // ECS shows as active for a while what was deregistered
		if gone := retire(t, l, nobody); gone != 1 {
			t.Errorf("%d definitions went, want 1", gone)
		}
		wantCalls(t, f, "one attempt", map[string]int{"Deregister": 1})
	})
}

func TestADefinitionGoneBehindOurBackIsForgotten(t *testing.T) {
	launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
		mustLaunch(t, l, translation("vk-a-web", "web-0"))
		f.behindOurBack("vk-a-web")
		retire(t, l, nobody)
		f.count("RunTask")
		mustLaunch(t, l, translation("vk-a-web", "web-1"))
		wantCalls(t, f, "no attempt with what is gone", map[string]int{"RunTask": 1})
	})
}
