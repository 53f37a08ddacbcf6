package fargatesim_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// logging gives the container a log stream in the group /demo.
func logging(create string) func(*ecs.RegisterTaskDefinitionInput) {
	return func(in *ecs.RegisterTaskDefinitionInput) {
		in.ExecutionRoleArn = aws.String("execution")
		in.ContainerDefinitions[0].LogConfiguration = awslogs(map[string]string{"awslogs-group": "/demo", "awslogs-region": "us-east-1",
			"awslogs-stream-prefix": "vk", "awslogs-create-group": create})
	}
}

func numbered(from, to int) []string {
	var lines []string
	for i := from; i < to; i++ {
		lines = append(lines, fmt.Sprint("line ", i))
	}
	return lines
}

func TestLogsAreReadInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Unthrottled: true, Delays: fargatesim.Delays{Logs: time.Second},
			Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": {Log: numbered(0, 25)}}}})
		a.register(logging("true"))
		arn := *a.run(nil).TaskArn
		a.await(arn, "RUNNING")
		synctest.Wait()
		in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/demo"), LogStreamName: aws.String("vk/app/" + arn[strings.LastIndex(arn, "/")+1:]),
			StartFromHead: aws.Bool(true), Limit: aws.Int32(10)}
		read := func() []string {
			t.Helper()
			out, err := a.logs.GetLogEvents(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, e := range out.Events {
				lines = append(lines, *e.Message)
			}
			if len(lines) == 0 && in.NextToken != nil && *out.NextForwardToken != *in.NextToken {
				t.Error("at the end the token comes back unchanged")
			}
			in.NextToken = out.NextForwardToken
			return lines
		}
		if got := read(); got != nil {
			t.Errorf("before CloudWatch Logs shows them: %v", got)
		}
		time.Sleep(time.Second)
		for _, want := range [][]string{numbered(0, 10), numbered(10, 20), numbered(20, 25), nil} {
			if diff := cmp.Diff(want, read()); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		}
		streams, err := a.logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/demo"), OrderBy: "LastEventTime", Descending: aws.Bool(true)})
		if err != nil || len(streams.LogStreams) != 1 || *streams.LogStreams[0].LogStreamName != *in.LogStreamName || streams.LogStreams[0].LastEventTimestamp == nil {
			t.Errorf("DescribeLogStreams: %v, %+v", err, streams)
		}
		if diff := cmp.Diff(numbered(0, 25), a.Log("/demo", *in.LogStreamName)); diff != "" {
			t.Errorf("what the container wrote (-want +got):\n%s", diff)
		}
		in.StartFromHead, in.NextToken = nil, nil
		last, err := a.logs.GetLogEvents(t.Context(), in)
		if err != nil || len(last.Events) != 10 || *last.Events[9].Message != "line 24" {
			t.Fatalf("the last ten: %v, %+v", err, last)
		}
		in.NextToken = last.NextBackwardToken
		if before, err := a.logs.GetLogEvents(t.Context(), in); err != nil || *before.Events[0].Message != "line 5" {
			t.Errorf("the ten before: %v, %+v", err, before)
		}
		in.NextToken = last.NextForwardToken
		if _, err := a.logs.GetLogEvents(t.Context(), in); code(err) != "InvalidParameterException" {
			t.Errorf("a forward token without startFromHead: %v", err)
		}
		filtered, err := a.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/demo"), FilterPattern: aws.String(`"line 2"`), Limit: aws.Int32(4)})
		if err != nil || len(filtered.Events) != 4 || filtered.NextToken == nil || *filtered.Events[1].Message != "line 20" {
			t.Errorf("FilterLogEvents: %v, %+v", err, filtered)
		}
	})
}

func TestLogGroups(t *testing.T) {
	a := open(t, fargatesim.Config{Unthrottled: true})
	create := func(in *cloudwatchlogs.CreateLogGroupInput) error {
		_, err := a.logs.CreateLogGroup(t.Context(), in)
		return err
	}
	demo := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/demo")}
	if err := create(demo); err != nil {
		t.Fatal(err)
	}
	retain := func(group string, days int32) error {
		_, err := a.logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: &days})
		return err
	}
	get := func(group, stream string) error {
		_, err := a.logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream})
		return err
	}
	describe := func(in *cloudwatchlogs.DescribeLogGroupsInput) error {
		_, err := a.logs.DescribeLogGroups(t.Context(), in)
		return err
	}
	remove := func(group string) error {
		_, err := a.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group})
		return err
	}
	for why, row := range map[string]struct {
		err  error
		code string
	}{
		"fourteen days":             {retain("/demo", 14), ""},
		"two days":                  {retain("/demo", 2), "InvalidParameterException"},
		"a group that is not":       {retain("/none", 14), "ResourceNotFoundException"},
		"events of no group":        {get("/none", "x"), "ResourceNotFoundException"},
		"events of no stream":       {get("/demo", "x"), "ResourceNotFoundException"},
		"a second of the name":      {create(demo), "ResourceAlreadyExistsException"},
		"a name with a question":    {create(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("why?")}), "InvalidParameterException"},
		"a name that AWS keeps":     {create(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("aws/x")}), "InvalidParameterException"},
		"a key that does not exist": {create(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/x"), KmsKeyId: aws.String("k")}), "InvalidParameterException"},
		"protection that is not":    {create(&cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/x"), DeletionProtectionEnabled: aws.Bool(true)}), "InvalidParameterException"},
		"an ARN for a name":         {get(logGroupARN+"/demo", "x"), "InvalidParameterException"},
		"a group of another class":  {describe(&cloudwatchlogs.DescribeLogGroupsInput{LogGroupClass: "STANDARD"}), "InvalidParameterException"},
		"no such group to delete":   {remove("/none"), "ResourceNotFoundException"},
	} {
		if got := code(row.err); got != row.code {
			t.Errorf("%s: want %q, got %q", why, row.code, got)
		}
	}
	groups, err := a.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/de")})
	if err != nil || len(groups.LogGroups) != 1 || *groups.LogGroups[0].RetentionInDays != 14 {
		t.Errorf("DescribeLogGroups: %v, %+v", err, groups)
	}
	for pattern, want := range map[string]int{"em": 1, "EM": 0} {
		groups, err := a.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: &pattern})
		if err != nil || len(groups.LogGroups) != want || want == 1 && groups.LogGroups[0].RetentionInDays != nil {
			t.Errorf("DescribeLogGroups with %s: %v, %+v", pattern, err, groups)
		}
	}
}

func TestPagesMayBeEmptyBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Unthrottled: true, SparsePages: true,
			Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{"nginx": {Log: numbered(0, 25)}}}})
		a.register(logging("true"))
		arn := *a.run(nil).TaskArn
		a.await(arn, "RUNNING")
		synctest.Wait()
		in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/demo"), LogStreamName: aws.String("vk/app/" + arn[strings.LastIndex(arn, "/")+1:]),
			StartFromHead: aws.Bool(true), Limit: aws.Int32(10)}
		lines, empty := 0, 0
		for {
			out, err := a.logs.GetLogEvents(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if lines += len(out.Events); len(out.Events) == 0 {
				empty++
			}
			if in.NextToken != nil && *in.NextToken == *out.NextForwardToken {
				break
			}
			in.NextToken = out.NextForwardToken
		}
		if lines != 25 || empty < 3 {
			t.Errorf("want 25 lines and empty pages between them, got %d and %d", lines, empty)
		}
	})
}
