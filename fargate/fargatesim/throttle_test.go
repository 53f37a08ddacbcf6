package fargatesim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestPublishedThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{LogGroups: []string{"/vk"}})
		register := func() error {
			_, err := a.ecs.RegisterTaskDefinition(t.Context(), goodDefinition())
			return err
		}
		// burst calls pass at once and the next does not; after a second refill more do.
		check := func(name string, burst, refill int, call func() error) {
			t.Helper()
			for _, want := range []int{burst, refill} {
				got := 0
				for ; call() == nil; got++ {
				}
				if got != want {
					t.Errorf("%s: want %d calls, got %d", name, want, got)
				}
				if err := call(); code(err) != "ThrottlingException" {
					t.Errorf("%s: %v", name, err)
				}
				time.Sleep(time.Second)
			}
		}
		check("RegisterTaskDefinition", 20, 1, register)
		check("RunTask", 20, 20, func() error { _, err := a.ecs.RunTask(t.Context(), goodRun()); return err })
		check("DescribeTasks", 100, 20, func() error {
			_, err := a.ecs.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{"x"}})
			return err
		})
		check("TagResource of CloudWatch Logs", 5, 5, func() error { return a.tagGroup(logGroupARN+"/vk", numberedTags(1)) })
		check("PutRetentionPolicy", 5, 5, func() error {
			_, err := a.logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/vk"), RetentionInDays: aws.Int32(1)})
			return err
		})
		time.Sleep(time.Minute)
		check("tens of tasks", 10, 2, func() error {
			in := goodRun()
			in.Count = aws.Int32(10)
			_, err := a.ecs.RunTask(t.Context(), in)
			return err
		})
	})
}

func TestSecretsAreThrottledAsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{})
		none := aws.String("none")
		for what, calls := range map[string][2]func() error{ // each with one that counts towards the same rate
			"tags": {
				func() error {
					_, err := a.secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: none, Tags: []smtypes.Tag{}})
					return err
				},
				func() error {
					_, err := a.secrets.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: none, TagKeys: []string{}})
					return err
				},
			},
			"values": {
				func() error {
					_, err := a.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: none, SecretString: aws.String("v")})
					return err
				},
				func() error {
					_, err := a.secrets.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: none})
					return err
				},
			},
		} {
			for i := range 51 {
				if err := calls[i%2](); (code(err) == "ThrottlingException") != (i == 50) {
					t.Errorf("%s: call %d: %v", what, i, err)
				}
			}
		}
	})
}
