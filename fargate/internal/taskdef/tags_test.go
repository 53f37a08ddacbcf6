package taskdef_test

import (
	"fmt"
	"strings"
	"testing"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

func TestTaskTags(t *testing.T) {
	pod := barePod()
	pod.Labels = map[string]string{"app": "web", "team": "guests", "example.com/tier": "größer {b}"}
	pod.Annotations = map[string]string{
		podid.AnnotationPrefix + "size":          "512/1024",
		podid.AnnotationPrefix + "capacity-type": "spot",
		podid.AnnotationPrefix + "note":          "planted, and of no meaning",
		podid.AnnotationPrefix + "log-options":   "awslogs-datetime-format=planted",
		podid.AnnotationCapacity:                 "0.5vCPU 1GB", // ours, and not of the first request
		podid.AnnotationTaskARN:                  "arn:of:the:last:attempt",
		podid.AnnotationAttempt:                  "1",
		"example.com/password":                   "hunter2",
	}
	got, err := translate(pod)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"app": "web", "example.com/tier": "gr__er _b_",
		"team":                                   "platform", // the operator's wins over the label
		podid.AnnotationPrefix + "size":          "512/1024",
		podid.AnnotationPrefix + "capacity-type": "spot",
		podid.AnnotationPrefix + "pod":           "pod",
		podid.AnnotationPrefix + "owner":         "pod",
		podid.AnnotationPrefix + "owner-kind":    "Pod",
		podid.AnnotationPrefix + "namespace":     "default",
	}
	if diff := cmp.Diff(want, asMap(got.Run.Tags)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func asMap(tags []ecstypes.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[*tag.Key] = *tag.Value
	}
	return m
}

func TestTagsKeepToECSLimits(t *testing.T) {
	pod := barePod()
	pod.Labels = map[string]string{strings.Repeat("d", 200) + "/" + strings.Repeat("k", 63): "long"}
	for i := range 60 {
		pod.Labels[fmt.Sprintf("label-%02d", i)] = "x"
	}
	pod.Annotations = map[string]string{podid.AnnotationPrefix + "subnets": ids("subnet-0a1b2c3d4e5f607", 16)}
	environment, _ := podenv.Resolve(pod, nodeSources())
	in := input(pod, environment)
	in.Settings.Tags, in.Settings.Subnets = map[string]string{"cost-center": "42"}, strings.Split(ids("subnet-0a1b2c3d4e5f607", 16), ",")
	got, err := taskdef.Translate(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Run.Tags) != 50 {
		t.Errorf("%d tags, ECS takes 50", len(got.Run.Tags))
	}
	for _, tag := range got.Run.Tags {
		if len(*tag.Key) > 128 || len(*tag.Value) > 256 {
			t.Errorf("tag %s=%s is too long", *tag.Key, *tag.Value)
		}
	}
	chosen := asMap(got.Run.Tags)
	for _, key := range []string{"cost-center", podid.AnnotationPrefix + "namespace", podid.AnnotationPrefix + "subnets"} {
		if chosen[key] == "" {
			t.Errorf("tag %s had to give way to a label", key)
		}
	}
}
