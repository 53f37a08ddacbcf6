package awscall

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
)

func TestDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := 0
		f := &fakeAWS{}
		d, c := newECS(t, f, Options{HealthChanged: func() { changes++ }})
		passRole := answer{status: 400, code: "AccessDeniedException", message: "User: arn:aws:sts::1:assumed-role/vk/i-1 is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/web because no identity-based policy allows the iam:PassRole action"}
		wordless := answer{status: 400, code: "AccessDeniedException", message: "User is not authorized"}
		for _, step := range []struct {
			reason string
			after  time.Duration
			answer answer
			call   func(context.Context, *ecs.Client) error
			want   []string // actions
		}{
			{"nothing is denied yet", 0, answer{}, runTask, nil},
			{"a call may need more than the action of its name", 0, passRole, runTask, []string{"iam:PassRole"}},
			{"where AWS does not tell, it is that of its name", 0, wordless, stopTask, []string{"ecs:StopTask", "iam:PassRole"}},
			{"another call's success allows nothing", 0, answer{}, describeTasks, []string{"ecs:StopTask", "iam:PassRole"}},
			{"its own does", 0, answer{}, runTask, []string{"ecs:StopTask"}},
			{"other faults are no denials", 0, throttle, stopTask, []string{"ecs:StopTask"}},
			{"it is met again", 50 * time.Minute, wordless, stopTask, []string{"ecs:StopTask"}},
			{"so its hour begins anew", 50 * time.Minute, answer{}, describeTasks, []string{"ecs:StopTask"}},
			{"and ends", 20 * time.Minute, answer{}, describeTasks, nil},
		} {
			time.Sleep(step.after)
			f.answers(step.answer, 0)
			_ = step.call(t.Context(), c)
			var got []string
			for _, denial := range d.Denied() {
				got = append(got, denial.Action)
				if denial.For != Purposes[denial.Action] || denial.For == "" {
					t.Errorf("%s is for %q", denial.Action, denial.For)
				}
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.reason, diff)
			}
		}
		if changes == 0 {
			t.Error("nobody was told")
		}
	})
}

// What health leaves out for being called once, or by users, is denied all the same.
func TestDeniedAtStartIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := false
		d := newDoor(t, Options{HealthChanged: func() { told = true }})
		f := &fakeAWS{answer: answer{status: 400, code: "AccessDeniedException", message: "not allowed"}}
		_, err := ecs.NewFromConfig(f.config(d, 1)).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("x")})
		want := []Denial{{Action: "ecs:CreateCluster", For: Purposes["ecs:CreateCluster"]}}
		if diff := cmp.Diff(want, d.Denied()); diff != "" || !told || err == nil {
			t.Errorf("told %v, error %v (-want +got):\n%s", told, err, diff)
		}
	})
}
