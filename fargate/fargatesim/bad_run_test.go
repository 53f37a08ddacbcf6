package fargatesim_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func override(change func(*ecstypes.ContainerOverride)) func(*ecs.RunTaskInput) {
	return func(in *ecs.RunTaskInput) {
		o := ecstypes.ContainerOverride{Name: aws.String("app")}
		change(&o)
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{o}}
	}
}

func TestBadRunsAreRefused(t *testing.T) {
	const invalid = "InvalidParameterException"
	vpc := func(in *ecs.RunTaskInput) *ecstypes.AwsVpcConfiguration {
		return in.NetworkConfiguration.AwsvpcConfiguration
	}
	for why, row := range map[string]struct {
		change func(*ecs.RunTaskInput)
		code   string
	}{
		"a cluster that does not exist":     {func(in *ecs.RunTaskInput) { in.Cluster = aws.String("other") }, "ClusterNotFoundException"},
		"a cluster that was deleted":        {func(in *ecs.RunTaskInput) { in.Cluster = aws.String("deleted") }, "ClusterNotFoundException"},
		"a definition that does not exist":  {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("web:7") }, "ClientException"},
		"a definition that is deregistered": {func(in *ecs.RunTaskInput) { in.TaskDefinition = aws.String("old:1") }, "ClientException"},
		"a definition of another account": {func(in *ecs.RunTaskInput) {
			in.TaskDefinition = aws.String("arn:aws:ecs:us-east-1:1:task-definition/web:1")
		}, "ClientException"},
		"no network":                        {func(in *ecs.RunTaskInput) { in.NetworkConfiguration = nil }, invalid},
		"no subnet":                         {func(in *ecs.RunTaskInput) { vpc(in).Subnets = []string{} }, invalid},
		"a subnet that does not exist":      {func(in *ecs.RunTaskInput) { vpc(in).Subnets = []string{"subnet-1"} }, invalid},
		"17 subnets":                        {func(in *ecs.RunTaskInput) { vpc(in).Subnets = make([]string, 17) }, invalid},
		"a group that does not exist":       {func(in *ecs.RunTaskInput) { vpc(in).SecurityGroups = []string{"sg-1"} }, invalid},
		"6 groups":                          {func(in *ecs.RunTaskInput) { vpc(in).SecurityGroups = make([]string, 6) }, invalid},
		"a launch type and a strategy":      {func(in *ecs.RunTaskInput) { in.CapacityProviderStrategy = strategy("FARGATE_SPOT") }, invalid},
		"EC2":                               {func(in *ecs.RunTaskInput) { in.LaunchType = ecstypes.LaunchTypeEc2 }, invalid},
		"neither launch type nor strategy":  {func(in *ecs.RunTaskInput) { in.LaunchType = "" }, invalid},
		"a provider that the cluster lacks": {func(in *ecs.RunTaskInput) { in.LaunchType, in.CapacityProviderStrategy = "", strategy("FARGATE_SPOT") }, invalid},
		"no task":                           {func(in *ecs.RunTaskInput) { in.Count = aws.Int32(0) }, invalid},
		"11 tasks":                          {func(in *ecs.RunTaskInput) { in.Count = aws.Int32(11) }, invalid},
		"startedBy with a colon":            {func(in *ecs.RunTaskInput) { in.StartedBy = aws.String("vk:1") }, invalid},
		"startedBy of 129 letters":          {func(in *ecs.RunTaskInput) { in.StartedBy = aws.String(strings.Repeat("a", 129)) }, invalid},
		"a client token of 65 letters":      {func(in *ecs.RunTaskInput) { in.ClientToken = aws.String(strings.Repeat("a", 65)) }, invalid},
		"a client token with a blank":       {func(in *ecs.RunTaskInput) { in.ClientToken = aws.String("a b") }, invalid},
		"placement":                         {func(in *ecs.RunTaskInput) { in.PlacementStrategy = []ecstypes.PlacementStrategy{{Type: "spread"}} }, invalid},
		"the tags of a service":             {func(in *ecs.RunTaskInput) { in.PropagateTags = ecstypes.PropagateTagsService }, invalid},
		"exec without a task role":          {func(in *ecs.RunTaskInput) { in.EnableExecuteCommand = true }, invalid},
		"another platform":                  {func(in *ecs.RunTaskInput) { in.PlatformVersion = aws.String("2.0.0") }, "PlatformUnknownException"},
		"an unknown launch type":            {func(in *ecs.RunTaskInput) { in.LaunchType = "MOON" }, invalid},
		"a value for another container":     {override(func(o *ecstypes.ContainerOverride) { o.Name = aws.String("sidecar") }), invalid},
		"too much memory for a container":   {override(func(o *ecstypes.ContainerOverride) { o.Memory = aws.Int32(4096) }), "ClientException"},
		"overrides of 8,193 characters": {override(func(o *ecstypes.ContainerOverride) {
			o.Command = []string{strings.Repeat("x", 8193-len(overrideFrame))}
		}), invalid},
		"a size that Fargate lacks": {func(in *ecs.RunTaskInput) { in.Overrides = &ecstypes.TaskOverride{Cpu: aws.String("300")} }, "ClientException"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			a := open(t, fargatesim.Config{Clusters: []string{"deleted"}})
			a.register(nil)
			a.register(func(in *ecs.RegisterTaskDefinitionInput) { in.Family = aws.String("old") })
			if _, err := a.ecs.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: aws.String("old:1")}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.ecs.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("deleted")}); err != nil {
				t.Fatal(err)
			}
			in := goodRun()
			row.change(in)
			_, err := a.ecs.RunTask(t.Context(), in)
			if got := code(err); got != row.code {
				t.Errorf("RunTask with %s: want %s, got %v", why, row.code, err)
			}
			if n := len(a.Tasks()); n != 0 {
				t.Errorf("%d tasks were started all the same", n)
			}
		})
	}
}

const overrideFrame = `{"containerOverrides":[{"command":[""],"name":"app"}]}`

func TestOverridesOf8192CharactersAreTaken(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.register(nil)
	a.run(override(func(o *ecstypes.ContainerOverride) {
		o.Command = []string{strings.Repeat("é", 8192-len(overrideFrame))}
	}))
}

func strategy(provider string) []ecstypes.CapacityProviderStrategyItem {
	return []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: &provider, Weight: 1}}
}
