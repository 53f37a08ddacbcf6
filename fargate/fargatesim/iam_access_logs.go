package fargatesim

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// onLogs is access to a log group, or to a stream of it. What IAM calls a group is its ARN with the part for streams
// after it, which is why a policy needs :* at the end of a group's name; but for tags it is the ARN without that
// (API reference: LogGroup.arn).
func (s *Server) onLogs(do access, in any) []access {
	switch in := in.(type) {
	case *cloudwatchlogs.CreateLogGroupInput:
		return s.creatingLogGroup(do, in)
	case *cloudwatchlogs.DeleteLogGroupInput:
		return s.onLogGroup(do, in.LogGroupName, nil)
	case *cloudwatchlogs.PutRetentionPolicyInput:
		return s.onLogGroup(do, in.LogGroupName, nil)
	case *cloudwatchlogs.DescribeLogStreamsInput:
		return s.onLogGroup(do, in.LogGroupName, in.LogGroupIdentifier)
	case *cloudwatchlogs.FilterLogEventsInput:
		return s.onLogGroup(do, in.LogGroupName, in.LogGroupIdentifier)
	case *cloudwatchlogs.GetLogEventsInput: // the tags of its group say nothing about a stream
		return []access{do.on(s.logStreamARN(s.logGroupName(in.LogGroupName, in.LogGroupIdentifier), *in.LogStreamName))}
	case *cloudwatchlogs.TagResourceInput:
		return s.onLogTags(do.with(requestTags(logTags(in.Tags))), *in.ResourceArn)
	case *cloudwatchlogs.UntagResourceInput:
		return s.onLogTags(do.with(map[string][]string{"aws:TagKeys": in.TagKeys}), *in.ResourceArn)
	case *cloudwatchlogs.ListTagsForResourceInput:
		return s.onLogTags(do, *in.ResourceArn)
	}
	return []access{do.on(s.logStreamARN("", ""))} // DescribeLogGroups
}

// creatingLogGroup also needs to tag, where the group has tags (API reference: CreateLogGroup, which would also take
// the deprecated logs:TagLogGroup for it).
func (s *Server) creatingLogGroup(do access, in *cloudwatchlogs.CreateLogGroupInput) []access {
	do = do.with(requestTags(logTags(in.Tags)))
	all := []access{do.on(s.logStreamARN(*in.LogGroupName, ""))}
	if len(in.Tags) > 0 {
		do.action = "logs:TagResource"
		all = append(all, do.on(s.arn("logs", "log-group:"+*in.LogGroupName)))
	}
	return all
}

func (s *Server) onLogGroup(do access, name, identifier *string) []access {
	group := s.logGroupName(name, identifier)
	return []access{do.on(s.logStreamARN(group, "")).with(s.logGroupTags(group))}
}

func (s *Server) onLogTags(do access, arn string) []access {
	return []access{do.on(arn).with(s.logGroupTags(s.logGroupName(nil, &arn)))}
}

// logGroupName is the name of the group that a request names by name or ARN.
func (s *Server) logGroupName(name, identifier *string) string {
	return strings.TrimPrefix(strings.TrimSuffix(deref(or(name, identifier)), ":*"), s.arn("logs", "log-group:"))
}

func (s *Server) logStreamARN(group, stream string) string {
	return s.arn("logs", "log-group:"+group+":log-stream:"+stream)
}

func (s *Server) logGroupTags(name string) map[string][]string {
	keys := map[string][]string{}
	if g := s.logGroups[name]; g != nil {
		for key, value := range g.tags {
			keys["aws:ResourceTag/"+key] = []string{value}
		}
	}
	return keys
}
