package fargatesim

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func checkECSTags(tags []ecstypes.Tag) error {
	return checkTags(plainTags(ecsTag, tags), invalidParameter)
}

// tagsOf finds the tags of a resource by its ARN.
func (s *Server) tagsOf(arn string) (*[]ecstypes.Tag, error) {
	kind, name, ok := s.ecsResource(arn)
	if !ok {
		return nil, invalidParameter("Invalid resource ARN: %s", arn)
	}
	switch kind {
	case "cluster":
		if c, err := s.cluster(&name); err == nil {
			return &c.Tags, nil
		}
		return nil, newError("ClusterNotFoundException", "Cluster not found.")
	case "task-definition":
		if d := s.definition(arn); d != nil && d.Status == ecstypes.TaskDefinitionStatusActive {
			return &d.tags, nil
		}
	case "task":
		if t := s.tasks[arn]; t != nil && *t.DesiredStatus != statusStopped {
			return &t.Tags, nil
		}
	}
	return nil, invalidParameter("The specified resource is not found or is not active: %s", arn)
}

func (s *Server) tagResource(in *ecs.TagResourceInput) (*ecs.TagResourceOutput, error) {
	tags, err := s.tagsOf(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	merged := mergeTags(ecsTag, *tags, in.Tags)
	if err := checkECSTags(in.Tags); err != nil {
		return nil, err
	}
	if own := slices.DeleteFunc(plainTags(ecsTag, merged), tag.isManaged); len(own) > maxTags {
		return nil, invalidParameter("The maximum number of tags is %d.", maxTags)
	}
	*tags = merged
	return &ecs.TagResourceOutput{}, nil
}

func (s *Server) untagResource(in *ecs.UntagResourceInput) (*ecs.UntagResourceOutput, error) {
	tags, err := s.tagsOf(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	*tags = slices.DeleteFunc(slices.Clone(*tags), func(t ecstypes.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	return &ecs.UntagResourceOutput{}, nil
}

func (s *Server) listTagsForResource(in *ecs.ListTagsForResourceInput) (*ecs.ListTagsForResourceOutput, error) {
	tags, err := s.tagsOf(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTagsForResourceOutput{Tags: mergeTags(ecsTag, *tags)}, nil
}
