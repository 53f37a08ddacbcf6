package fargatesim

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// logGroup finds a group by its name or by the name or ARN that is its identifier: exactly one is given.
func (s *Server) logGroup(name, identifier *string) (*logGroup, error) {
	switch {
	case (name == nil) == (identifier == nil):
		return nil, invalidParameter("Specify either logGroupName or logGroupIdentifier, but not both.")
	case strings.Contains(deref(identifier), "*"): // API model: LogGroupIdentifier
		return nil, invalidParameter("1 validation error detected: Value '%s' at 'logGroupIdentifier' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w#+=/:,.@-]*", *identifier)
	case name != nil:
		if err := checkLogGroupName(*name); err != nil {
			return nil, err
		}
	}
	if g := s.logGroups[s.logGroupName(name, identifier)]; g != nil {
		return g, nil
	}
	return nil, noResource("group")
}

// isLogGroupName holds the rules of names (SDK doc of CreateLogGroup).
func isLogGroupName(name string) bool {
	return len(name) > 0 && len(name) <= 512 && !strings.HasPrefix(name, "aws/") && !strings.ContainsFunc(name, func(r rune) bool {
		return !isName(string(r)) && !strings.ContainsRune("./#", r)
	})
}

func checkLogGroupName(name string) error {
	if !isLogGroupName(name) {
		return invalidParameter("1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", name)
	}
	return nil
}

func (s *Server) createLogGroup(in *cloudwatchlogs.CreateLogGroupInput) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	name := *in.LogGroupName
	for _, err := range []error{checkLogGroupName(name), checkLogTags(in.Tags)} {
		if err != nil {
			return nil, err
		}
	}
	switch {
	case in.KmsKeyId != nil: // SDK doc of CreateLogGroup, of a key that does not exist: there are none here
		return nil, invalidParameter("The specified KMS key does not exist or is not allowed to be used with %s", s.arn("logs", "log-group:"+name))
	case deref(in.DeletionProtectionEnabled):
		return nil, invalidParameter("This CloudWatch Logs has no deletion protection.")
	case s.logGroups[name] != nil:
		return nil, newError("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	g := s.newLogGroup(name)
	g.LogGroupClass, g.tags = or(in.LogGroupClass, g.LogGroupClass), maps.Clone(in.Tags)
	s.logGroups[name] = g
	return &cloudwatchlogs.CreateLogGroupOutput{}, nil
}

// deleteLogGroup takes the events with it. A container that still logs there writes to nowhere.
func (s *Server) deleteLogGroup(in *cloudwatchlogs.DeleteLogGroupInput) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	g, err := s.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	delete(s.logGroups, *g.LogGroupName)
	return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
}

// retentions are the days that can be chosen (API reference: PutRetentionPolicy).
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (s *Server) putRetentionPolicy(in *cloudwatchlogs.PutRetentionPolicyInput) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	g, err := s.logGroup(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(retentions, *in.RetentionInDays) {
		return nil, invalidParameter("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", *in.RetentionInDays, retentions)
	}
	g.RetentionInDays = in.RetentionInDays
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, nil
}

func (s *Server) describeLogGroups(in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	switch {
	case in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil:
		return nil, invalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	case in.LogGroupIdentifiers != nil, in.AccountIdentifiers != nil, deref(in.IncludeLinkedAccounts), in.LogGroupClass != "":
		return nil, invalidParameter("This CloudWatch Logs looks for log groups by their names, and has no linked accounts.")
	}
	var names []string
	for name := range s.logGroups {
		if strings.HasPrefix(name, deref(in.LogGroupNamePrefix)) && strings.Contains(name, deref(in.LogGroupNamePattern)) {
			names = append(names, name)
		}
	}
	names, next, err := page(names, byName, logsLimit(in.Limit), in.NextToken)
	out := &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logstypes.LogGroup{}, NextToken: next}
	for _, name := range names {
		g := clone(s.logGroups[name].LogGroup)
		if in.LogGroupNamePattern != nil { // SDK doc of DescribeLogGroupsInput: then only these
			g = logstypes.LogGroup{Arn: g.Arn, CreationTime: g.CreationTime, LogGroupName: g.LogGroupName}
		}
		out.LogGroups = append(out.LogGroups, g)
	}
	return out, err
}
