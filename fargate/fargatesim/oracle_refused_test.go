package fargatesim_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// refusedRepresentative calls what is answered with an error.
func refusedRepresentative(t *testing.T, a account) {
	ctx := t.Context()
	wants := func(err error) {
		t.Helper()
		if err == nil {
			t.Error("want an error")
		}
	}
	_, err := a.ecs.RunTask(ctx, goodRun()) // its definition is not active
	wants(err)
	_, err = a.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: aws.String("none"), Task: aws.String("x")})
	wants(err)
	_, err = a.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/none")})
	wants(err)
	_, err = a.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/none")})
	wants(err)
	wants(a.tagGroup(logGroupARN+"/none", numberedTags(1)))
	wants(errors.Join(a.tagGroup(logGroupARN+"/vk", numberedTags(50)), a.tagGroup(logGroupARN+"/vk", map[string]string{"x": ""})))
	_, err = a.value("none")
	wants(err)
	_, err = a.secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: aws.String("none")})
	wants(err)
	_, err = a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-none"}})
	wants(err)
	a.register(nil)
	for _, command := range []string{"one", "two"} { // under one token
		in := goodRun()
		in.ClientToken = aws.String("token-2")
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{Name: aws.String("app"), Command: []string{command}}}}
		_, err = a.ecs.RunTask(ctx, in)
	}
	wants(err)
	for _, answer := range []*fargatesim.Error{fargatesim.Throttled(), fargatesim.Unavailable(), fargatesim.AccessDenied("x:y"), fargatesim.Expired()} {
		a.Break("", fargatesim.Fault{Error: answer})
		_, err = a.ecs.ListClusters(ctx, &ecs.ListClustersInput{})
		wants(err)
		_, err = a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
		wants(err)
		_, err = a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		wants(err)
		_, err = a.secrets.ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
		wants(err)
	}
	a.Mend()
}
