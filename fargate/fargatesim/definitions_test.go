package fargatesim_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestDefinitionsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, fargatesim.Config{Unthrottled: true})
		tagged := func(in *ecs.RegisterTaskDefinitionInput) {
			in.Tags = []ecstypes.Tag{{Key: aws.String("digest"), Value: aws.String("abc")}}
		}
		for range 12 {
			a.register(tagged)
		}
		describe := func(name string) (int32, string) {
			out, err := a.ecs.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name, Include: []ecstypes.TaskDefinitionField{"TAGS"}})
			if err != nil {
				return 0, code(err)
			}
			return out.TaskDefinition.Revision, *out.Tags[0].Value
		}
		deregister := func(name string) error {
			_, err := a.ecs.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &name})
			return err
		}
		if n, digest := describe("web"); n != 12 || digest != "abc" {
			t.Errorf("the latest revision: %d %s", n, digest)
		}
		task := a.run(nil)
		for _, revision := range []string{"web:12", "web:11"} {
			if err := deregister(revision); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]int32{"web": 10, "web:10": 10, *task.TaskDefinitionArn: 12, "web:11": 0, "nobody": 0} {
			if n, _ := describe(name); n != want {
				t.Errorf("describing %s: want revision %d, got %d", name, want, n)
			}
		}
		for name, want := range map[string]string{"web:12": "ClientException", "web": "InvalidParameterException", "web:99": "ClientException"} {
			if err := deregister(name); code(err) != want {
				t.Errorf("deregistering %s: want %s, got %v", name, want, err)
			}
		}
		listed, err := a.ecs.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("web")})
		if err != nil || len(listed.TaskDefinitionArns) != 10 || !strings.HasSuffix(listed.TaskDefinitionArns[9], "web:10") {
			t.Errorf("listed by revision: %v, %v", err, listed.TaskDefinitionArns)
		}
		if part, err := a.ecs.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: aws.String("we")}); err != nil || len(part.TaskDefinitionArns) != 0 {
			t.Errorf("familyPrefix is a whole family name: %v, %v", err, part.TaskDefinitionArns)
		}
		deleted, err := a.ecs.DeleteTaskDefinitions(t.Context(), &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: []string{"web:12", "web:11", "web:1"}})
		if err != nil || len(deleted.TaskDefinitions) != 2 || len(deleted.Failures) != 1 {
			t.Errorf("an ACTIVE one is not deleted: %v, %+v", err, deleted)
		}
		a.register(func(in *ecs.RegisterTaskDefinitionInput) { in.Family = aws.String("wear") })
		for prefix, want := range map[string]int{"we": 2, "web": 1, "x": 0} {
			families, err := a.ecs.ListTaskDefinitionFamilies(t.Context(), &ecs.ListTaskDefinitionFamiliesInput{FamilyPrefix: &prefix, Status: "ACTIVE"})
			if err != nil || len(families.Families) != want {
				t.Errorf("families that begin with %s: %v, %v", prefix, err, families.Families)
			}
		}
		if got := a.register(nil).Revision; got != 13 {
			t.Errorf("a family counts on: %d", got)
		}
	})
}

func TestClustersAndTags(t *testing.T) {
	a := open(t, fargatesim.Config{Unthrottled: true})
	made, err := a.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("spot"), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"},
		Tags: []ecstypes.Tag{{Key: aws.String("team"), Value: aws.String("a")}}})
	if err != nil {
		t.Fatal(err)
	}
	a.register(nil)
	task := a.run(func(in *ecs.RunTaskInput) {
		in.Cluster, in.LaunchType, in.CapacityProviderStrategy = aws.String("spot"), "", strategy("FARGATE_SPOT")
		in.EnableECSManagedTags = true
	})
	if aws.ToString(task.CapacityProviderName) != "FARGATE_SPOT" || len(task.Tags) != 1 {
		t.Errorf("a Spot task: %+v", task)
	}
	a.await(*task.TaskArn, "RUNNING")
	described, err := a.ecs.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"spot", "nowhere"}, Include: []ecstypes.ClusterField{"TAGS"}})
	if err != nil || len(described.Clusters) != 1 || len(described.Failures) != 1 || described.Clusters[0].RunningTasksCount != 1 || len(described.Clusters[0].Tags) != 1 {
		t.Errorf("DescribeClusters: %v, %+v", err, described)
	}
	if _, err := a.ecs.DeleteCluster(t.Context(), &ecs.DeleteClusterInput{Cluster: aws.String("spot")}); code(err) != "ClusterContainsTasksException" {
		t.Errorf("a cluster with a task: %v", err)
	}
	for i, arn := range []string{*made.Cluster.ClusterArn, *task.TaskArn, *task.TaskDefinitionArn} {
		if _, err := a.ecs.TagResource(t.Context(), &ecs.TagResourceInput{ResourceArn: &arn, Tags: []ecstypes.Tag{{Key: aws.String("n"), Value: aws.String(fmt.Sprint(i))}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.ecs.UntagResource(t.Context(), &ecs.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"team", "aws:ecs:clusterName"}}); err != nil {
			t.Fatal(err)
		}
		tags, err := a.ecs.ListTagsForResource(t.Context(), &ecs.ListTagsForResourceInput{ResourceArn: &arn})
		if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != fmt.Sprint(i) {
			t.Errorf("tags of %s: %v, %+v", arn, err, tags)
		}
	}
}
