package fargatesim_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// TestWhoMayKeepLogGroups: a policy names a group with :* at its end, but for its tags without.
func TestWhoMayKeepLogGroups(t *testing.T) {
	a := guarded(t, statements(`{"Effect":"Allow","Action":"logs:*","Resource":"*"}`))
	for group, team := range map[string]string{"/vk/pods": "a", "/other": "b"} {
		if err := a.tagGroup(logGroupARN+group, map[string]string{"team": team}); err != nil {
			t.Fatal(err)
		}
	}
	a.SetPolicies("AKIAEXAMPLE", statements(
		`{"Effect":"Allow","Action":"logs:CreateLogGroup","Resource":"`+logGroupARN+`/vk/*:*"}`,
		`{"Effect":"Allow","Action":"logs:TagResource","Resource":"`+logGroupARN+`/vk/*","Condition":{"StringEquals":{"aws:RequestTag/team":"a"}}}`,
		`{"Effect":"Allow","Action":"logs:UntagResource","Resource":"`+logGroupARN+`/vk/*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"stage"}}}`,
		`{"Effect":"Allow","Action":"logs:ListTagsForResource","Resource":"`+logGroupARN+`/vk/pods:*"}`,
		`{"Effect":"Allow","Action":"logs:DeleteLogGroup","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}`,
	))
	ctx := t.Context()
	create := func(name, team string) error {
		in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}
		if team != "" {
			in.Tags = map[string]string{"team": team}
		}
		_, err := a.logs.CreateLogGroup(ctx, in)
		return err
	}
	remove := func(name string) error {
		_, err := a.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &name})
		return err
	}
	_, list := a.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(logGroupARN + "/vk/pods")})
	_, policy := a.secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: aws.String("vk/db")})
	for _, row := range []struct {
		why    string
		err    error
		denied string // the end of the message from "perform:"; empty: it is not denied
	}{
		{"a group", create("/vk/new", ""), ""},
		{"a group with a tag", create("/vk/tagged", "a"), ""},
		{"a group with a tag that is not allowed", create("/vk/x", "b"), "logs:TagResource on resource: " + logGroupARN + "/vk/x because"},
		{"a group of another prefix", create("/x", ""), "logs:CreateLogGroup on resource: " + logGroupARN + "/x:log-stream: because"},
		{"another tag", a.tagGroup(logGroupARN+"/vk/pods", map[string]string{"team": "b"}), "logs:TagResource on resource: " + logGroupARN + "/vk/pods because"},
		{"a key", a.untagGroup(logGroupARN+"/vk/pods", "stage"), ""},
		{"another key", a.untagGroup(logGroupARN+"/vk/pods", "team"), "logs:UntagResource on resource: " + logGroupARN + "/vk/pods because"},
		{"tags by the ARN that other actions need", list, "logs:ListTagsForResource on resource: " + logGroupARN + "/vk/pods because"},
		{"the end of one's own", remove("/vk/pods"), ""},
		{"the end of another's", remove("/other"), "logs:DeleteLogGroup on resource: " + logGroupARN + "/other:log-stream: because"},
		{"the policy of a secret", policy, "secretsmanager:GetResourcePolicy on resource: vk/db because"},
	} {
		switch {
		case row.denied == "" && row.err != nil:
			t.Errorf("%s is allowed: %v", row.why, row.err)
		case row.denied != "" && (code(row.err) != "AccessDeniedException" || !strings.Contains(row.err.Error(), "is not authorized to perform: "+row.denied)):
			t.Errorf("%s: want %s\ngot %v", row.why, row.denied, row.err)
		}
	}
}
