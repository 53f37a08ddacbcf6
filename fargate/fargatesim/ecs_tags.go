package fargatesim

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// tagText is the alphabet of keys and values (API reference: Tag).
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

const maxTags = 50 // a resource; API reference: Tag

// checkTags holds the rules of tags: at most 50, keys unique, of 1 to 128 characters, values of at most 256, no aws: prefix.
func checkTags(tags []ecstypes.Tag) error {
	if len(tags) > maxTags {
		return invalidParameter("The maximum number of tags is %d.", maxTags)
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		key, value := deref(tag.Key), deref(tag.Value)
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128:
			return invalidParameter("A tag key must have 1 to 128 characters: '%s'", key)
		case utf8.RuneCountInString(value) > 256:
			return invalidParameter("The value of the tag '%s' has more than 256 characters.", key)
		case !tagText.MatchString(key) || !tagText.MatchString(value):
			return invalidParameter("The tag '%s' has characters that are not letters, spaces, digits or _ . : / = + - @", key)
		case isManaged(tag):
			return invalidParameter("The tag key '%s' begins with aws:, which is reserved.", key)
		case seen[key]:
			return invalidParameter("The tag key '%s' is given twice.", key)
		}
		seen[key] = true
	}
	return nil
}

// isManaged: tags of AWS's own count towards no limit.
func isManaged(tag ecstypes.Tag) bool {
	return strings.HasPrefix(strings.ToLower(deref(tag.Key)), "aws:")
}

// mergeTags lays later tags over earlier ones.
func mergeTags(lists ...[]ecstypes.Tag) []ecstypes.Tag {
	merged := []ecstypes.Tag{}
	for _, list := range lists {
		for _, tag := range list {
			i := slices.IndexFunc(merged, func(t ecstypes.Tag) bool { return *t.Key == *tag.Key })
			if i < 0 {
				merged = append(merged, clone(tag))
			} else {
				merged[i].Value = tag.Value
			}
		}
	}
	return merged
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
	merged := mergeTags(*tags, in.Tags)
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if own := slices.DeleteFunc(slices.Clone(merged), isManaged); len(own) > maxTags {
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
	return &ecs.ListTagsForResourceOutput{Tags: mergeTags(*tags)}, nil
}
