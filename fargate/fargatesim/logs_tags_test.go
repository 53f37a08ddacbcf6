package fargatesim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

const logGroupARN = "arn:aws:logs:us-east-1:123456789012:log-group:"

// numberedTags are the tags "1" to "n".
func numberedTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprint(i+1)] = ""
	}
	return tags
}

func (a account) tagGroup(arn string, tags map[string]string) error {
	_, err := a.logs.TagResource(a.t.Context(), &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: tags})
	return err
}

func (a account) untagGroup(arn string, keys ...string) error {
	_, err := a.logs.UntagResource(a.t.Context(), &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: keys})
	return err
}

func TestTagsOfLogGroups(t *testing.T) {
	a := open(t, fargatesim.Config{Unthrottled: true, LogGroups: []string{"/full"}})
	create := func(name string, tags map[string]string) error {
		_, err := a.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name, Tags: tags})
		return err
	}
	if err := create("/demo", map[string]string{"team": "a", "stage": "test"}); err != nil {
		t.Fatal(err)
	}
	const arn = logGroupARN + "/demo"
	for _, row := range []struct {
		why  string
		err  error
		code string
	}{
		{"one more, and another value", a.tagGroup(arn, map[string]string{"team": "b", "Name": "demo"}), ""},
		{"one less, and one that is not there", a.untagGroup(arn, "stage", "none"), ""},
		{"fifty", a.tagGroup(logGroupARN+"/full", numberedTags(50)), ""},
		{"the same fifty", a.tagGroup(logGroupARN+"/full", numberedTags(50)), ""},
		{"a fifty-first", a.tagGroup(logGroupARN+"/full", map[string]string{"x": ""}), "TooManyTagsException"},
		{"fifty-one at once", a.tagGroup(arn, numberedTags(51)), "InvalidParameterException"},
		{"none at all", a.tagGroup(arn, map[string]string{}), "InvalidParameterException"},
		{"a key that is AWS's", a.tagGroup(arn, map[string]string{"AWS:x": ""}), "InvalidParameterException"},
		{"a key without text", a.tagGroup(arn, map[string]string{"": "x"}), "InvalidParameterException"},
		{"a key that is too long", a.tagGroup(arn, map[string]string{strings.Repeat("k", 129): ""}), "InvalidParameterException"},
		{"a value that is too long", a.tagGroup(arn, map[string]string{"k": strings.Repeat("v", 257)}), "InvalidParameterException"},
		{"a value with a bracket", a.tagGroup(arn, map[string]string{"k": "{}"}), "InvalidParameterException"},
		{"a key with a bracket taken away", a.untagGroup(arn, "{}"), "InvalidParameterException"},
		{"a group that is not there", a.tagGroup(logGroupARN+"/none", map[string]string{"k": ""}), "ResourceNotFoundException"},
		{"the ARN that policies name", a.tagGroup(arn+":*", map[string]string{"k": ""}), "InvalidParameterException"},
		{"a name for an ARN", a.untagGroup("/demo", "k"), "InvalidParameterException"},
		{"a new group with a key that is AWS's", create("/new", map[string]string{"aws:x": ""}), "InvalidParameterException"},
	} {
		if got := code(row.err); got != row.code {
			t.Errorf("%s: want %q, got %q", row.why, row.code, got)
		}
	}
	list := func() map[string]string {
		t.Helper()
		return must[*cloudwatchlogs.ListTagsForResourceOutput](t)(a.logs.ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(arn)})).Tags
	}
	if diff := cmp.Diff(map[string]string{"team": "b", "Name": "demo"}, list()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	must[*cloudwatchlogs.DeleteLogGroupOutput](t)(a.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/demo")}))
	if err := a.untagGroup(arn, "team"); code(err) != "ResourceNotFoundException" {
		t.Errorf("deleted: %v", err)
	}
	if err := create("/demo", nil); err != nil || list() != nil {
		t.Errorf("made again: %v, %v", err, list())
	}
}
