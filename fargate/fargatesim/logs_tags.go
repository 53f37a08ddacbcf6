package fargatesim

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// checkLogTags holds the rules of the tags of one request (API model: Tags, TagKey, TagValue; user guide: tag
// restrictions); nil is no tags.
func checkLogTags(tags map[string]string) error {
	if tags != nil && (len(tags) == 0 || len(tags) > maxTags) {
		return invalidParameter("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length between 1 and %d", maxTags)
	}
	for key, value := range tags {
		if err := checkLogTagKey(key); err != nil {
			return err
		}
		if utf8.RuneCountInString(value) > 256 || !tagText.MatchString(value) {
			return invalidParameter("The value of the tag '%s' has more than 256 characters, or others than letters, spaces, digits and _ . : / = + - @", key)
		}
	}
	return nil
}

func checkLogTagKey(key string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > 128 || !tagText.MatchString(key):
		return invalidParameter("A tag key has 1 to 128 letters, spaces, digits or _ . : / = + - @: '%s'", key)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalidParameter("The tag key '%s' begins with aws:, which is reserved.", key)
	}
	return nil
}

// taggedGroup finds a log group as the calls for tags name it: by its ARN without :* at the end (API reference:
// LogGroup.logGroupArn). Destinations, which can have tags too, do not exist here.
func (s *Server) taggedGroup(arn string) (*logGroup, error) {
	name, ours := strings.CutPrefix(arn, s.arn("logs", "log-group:"))
	if !ours || !isLogGroupName(name) {
		return nil, invalidParameter("Invalid resource ARN: %s", arn)
	}
	if g := s.logGroups[name]; g != nil {
		return g, nil
	}
	return nil, noResource("group")
}

func (s *Server) tagLogGroup(in *cloudwatchlogs.TagResourceInput) (*cloudwatchlogs.TagResourceOutput, error) {
	g, err := s.taggedGroup(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if err := checkLogTags(in.Tags); err != nil {
		return nil, err
	}
	merged := map[string]string{}
	maps.Copy(merged, g.tags)
	maps.Copy(merged, in.Tags)
	if len(merged) > maxTags {
		return nil, &Error{Code: "TooManyTagsException", Message: "A resource can have no more than 50 tags.",
			Members: map[string]any{"resourceName": *in.ResourceArn}}
	}
	g.tags = merged
	return &cloudwatchlogs.TagResourceOutput{}, nil
}

func (s *Server) untagLogGroup(in *cloudwatchlogs.UntagResourceInput) (*cloudwatchlogs.UntagResourceOutput, error) {
	g, err := s.taggedGroup(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if len(in.TagKeys) > maxTags { // API model: TagKeyList
		return nil, invalidParameter("1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must have length less than or equal to %d", maxTags)
	}
	for _, key := range in.TagKeys {
		if err := checkLogTagKey(key); err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(g.tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	return &cloudwatchlogs.UntagResourceOutput{}, nil
}

// listLogGroupTags leaves the member out where there are no tags: the API model has no empty one.
func (s *Server) listLogGroupTags(in *cloudwatchlogs.ListTagsForResourceInput) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	g, err := s.taggedGroup(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.ListTagsForResourceOutput{}
	if len(g.tags) > 0 {
		out.Tags = maps.Clone(g.tags)
	}
	return out, nil
}
