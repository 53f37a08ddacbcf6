package containerlog_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/containerlog"
)

// answered is how EnsureGroup ended and what there is after it.
type answered struct {
	Created   bool
	Denied    string // action
	Other     bool   // error
	Group     bool
	Retention int32
}

func TestEnsureGroup(t *testing.T) {
	denied := fargatesim.Fault{Error: &fargatesim.Error{Status: 400, Code: "AccessDeniedException", Message: "no identity-based policy allows it"}}
	for name, row := range map[string]struct {
		reason string
		before func(*fargatesim.Server)
		groups []string
		days   int
		want   answered
	}{
		"missing":          {"it is made, with the retention", nil, nil, 14, answered{Created: true, Group: true, Retention: 14}},
		"kept for ever":    {"0 asks for no retention", nil, nil, 0, answered{Created: true, Group: true}},
		"there":            {"somebody chose its retention, if only to have none", nil, []string{"/demo"}, 14, answered{Group: true}},
		"creation denied":  {"the action is named", func(s *fargatesim.Server) { s.Break("CreateLogGroup", denied) }, nil, 14, answered{Denied: "logs:CreateLogGroup"}},
		"retention denied": {"as to the managed policy AmazonECS_FullAccess", func(s *fargatesim.Server) { s.Break("PutRetentionPolicy", denied) }, nil, 14, answered{Created: true, Denied: "logs:PutRetentionPolicy", Group: true}},
		"no such period":   {"CloudWatch Logs knows no 2 days", nil, nil, 2, answered{Created: true, Other: true, Group: true}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t, fargatesim.Config{LogGroups: row.groups})
			if row.before != nil {
				row.before(a.Server)
			}
			var got answered
			var refused *containerlog.DeniedError
			var err error
			got.Created, err = containerlog.EnsureGroup(t.Context(), a.logs, "/demo", row.days)
			if errors.As(err, &refused) {
				got.Denied = refused.Action
			} else {
				got.Other = err != nil
			}
			groups, err := a.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/demo")})
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range groups.LogGroups {
				got.Group, got.Retention = true, aws.ToInt32(g.RetentionInDays)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}
