package fargatesim_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func token(s string) func(*ecs.RunTaskInput) {
	return func(in *ecs.RunTaskInput) { in.ClientToken = &s }
}

func TestAClientTokenStandsForOneTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Clusters: []string{"other"}})
		a.register(nil)
		first := *a.run(token("once")).TaskArn
		if again := *a.run(token("once")).TaskArn; again != first {
			t.Errorf("the same token and request gave another task")
		}
		in := goodRun()
		in.ClientToken, in.StartedBy = aws.String("once"), aws.String("me")
		_, err := a.ecs.RunTask(t.Context(), in)
		var conflict *ecstypes.ConflictException
		if !errors.As(err, &conflict) || !cmp.Equal(conflict.ResourceIds, []string{first}) {
			t.Errorf("the same token for another request: %v", err)
		}
		elsewhere := goodRun()
		elsewhere.ClientToken, elsewhere.Cluster = aws.String("once"), aws.String("other")
		if out, err := a.ecs.RunTask(t.Context(), elsewhere); err != nil || *out.Tasks[0].TaskArn == first {
			t.Errorf("a token is scoped to its cluster: %v", err)
		}
		a.await(first, "RUNNING")
		a.stop(first)
		a.await(first, "STOPPED")
		if stopped := a.run(token("once")); *stopped.TaskArn != first || stopped.CreatedAt != nil || *stopped.LastStatus != "STOPPED" {
			t.Errorf("of a stopped task only ARN and states come back: %+v", stopped)
		}
		time.Sleep(time.Hour)
		if *a.run(token("once")).TaskArn == first {
			t.Error("the token outlived its task by an hour")
		}
	})
}

func TestListTasksPagesAndFilters(t *testing.T) {
	a := open(t, fargatesim.Config{Unthrottled: true})
	a.register(nil)
	for range 25 {
		in := goodRun()
		in.Count, in.StartedBy = aws.Int32(10), aws.String("vk/me")
		if _, err := a.ecs.RunTask(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	stopped := *a.run(nil).TaskArn
	a.stop(stopped)
	list := func(in ecs.ListTasksInput) (arns []string, pages int) {
		in.Cluster = aws.String("demo")
		for p := ecs.NewListTasksPaginator(a.ecs, &in); p.HasMorePages(); pages++ {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			arns = append(arns, page.TaskArns...)
		}
		return arns, pages
	}
	for why, row := range map[string]struct {
		in           ecs.ListTasksInput
		tasks, pages int
	}{
		"RUNNING is the default":         {ecs.ListTasksInput{}, 250, 3},
		"by startedBy":                   {ecs.ListTasksInput{StartedBy: aws.String("vk/me")}, 250, 3},
		"of another":                     {ecs.ListTasksInput{StartedBy: aws.String("you")}, 0, 1},
		"the desired status of the rest": {ecs.ListTasksInput{DesiredStatus: "STOPPED"}, 1, 1},
		"PENDING is never desired":       {ecs.ListTasksInput{DesiredStatus: "PENDING"}, 0, 1},
		"pages of 60":                    {ecs.ListTasksInput{Family: aws.String("web"), MaxResults: aws.Int32(60)}, 250, 5},
	} {
		if arns, pages := list(row.in); len(arns) != row.tasks || pages != row.pages {
			t.Errorf("%s: want %d tasks in %d pages, got %d in %d", why, row.tasks, row.pages, len(arns), pages)
		}
	}
	for why, in := range map[string]*ecs.ListTasksInput{
		"startedBy and a status":  {StartedBy: aws.String("me"), DesiredStatus: "STOPPED"},
		"101 a page":              {MaxResults: aws.Int32(101)},
		"a token that is no such": {NextToken: aws.String("?")},
	} {
		in.Cluster = aws.String("demo")
		if _, err := a.ecs.ListTasks(t.Context(), in); code(err) != "InvalidParameterException" {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := a.ecs.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: make([]string, 101)}); code(err) != "InvalidParameterException" {
		t.Errorf("101 tasks described: %v", err)
	}
}

func TestStoppedTasksAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{})
		a.register(nil)
		arn := *a.run(func(in *ecs.RunTaskInput) {
			in.Tags = []ecstypes.Tag{{Key: aws.String("pod"), Value: aws.String("web-0")}}
		}).TaskArn
		if tags := a.await(arn, "RUNNING").Tags; len(tags) != 1 {
			t.Errorf("tags: %+v", tags)
		}
		a.stop(arn)
		if tags := a.await(arn, "STOPPED").Tags; len(tags) != 0 {
			t.Errorf("StopTask left the tags %+v", tags)
		}
		a.stop(arn) // may be repeated
		time.Sleep(time.Hour)
		if _, err := a.ecs.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: aws.String("demo"), Task: &arn}); code(err) != "InvalidParameterException" {
			t.Errorf("after an hour: %v", err)
		}
	})
}

func TestReadsLagBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Lag: fargatesim.Lag{Describe: 2 * time.Second, List: 5 * time.Second}})
		a.register(nil)
		arn := *a.run(nil).TaskArn
		for _, want := range []struct{ described, listed int }{{0, 0}, {1, 0}, {1, 1}} {
			described, err := a.ecs.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{arn}})
			if err != nil {
				t.Fatal(err)
			}
			listed, err := a.ecs.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("demo")})
			if err != nil || len(described.Tasks) != want.described || len(listed.TaskArns) != want.listed {
				t.Errorf("want %+v, got %d and %d (%v)", want, len(described.Tasks), len(listed.TaskArns), err)
			}
			time.Sleep(3 * time.Second)
		}
	})
}
