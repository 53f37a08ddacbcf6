package preflight

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// unknownCodes are how EC2 says that an ID is of nothing here, or of nothing at all.
// Source: EC2 API Reference, "Error codes for the Amazon EC2 API".
var unknownCodes = []string{
	"InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "InvalidSubnetId.Malformed",
	"InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidSecurityGroupID.NotFound", "InvalidSecurityGroupId.Malformed",
}

// network is what EC2 told of subnets and groups.
type network struct {
	vpc      string
	zones    []string
	warnings []string
}

// lookAtNetwork returns what EC2 knows; its error is a *MissingError, or ctx's.
func lookAtNetwork(ctx context.Context, api EC2, w Wanted) (network, error) {
	var n network
	subnets, missing, err := describe(w.Subnets, func(ids []string) ([]ec2types.Subnet, error) {
		out, err := api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: ids})
		if err != nil {
			return nil, err
		}
		return out.Subnets, nil
	})
	n.warn("ec2:DescribeSubnets", "subnets", err)
	problems := unknown("Subnets", "subnet", missing)

	groups, missing, err := describe(w.SecurityGroups, func(ids []string) ([]ec2types.SecurityGroup, error) {
		out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: ids})
		if err != nil {
			return nil, err
		}
		return out.SecurityGroups, nil
	})
	n.warn("ec2:DescribeSecurityGroups", "security groups", err)
	problems = append(problems, unknown("SecurityGroups", "security group", missing)...)

	if err := ctx.Err(); err != nil {
		return network{}, err
	}
	problems = append(problems, n.place(subnets, groups)...)
	if len(problems) > 0 {
		return network{}, &MissingError{Problems: problems}
	}
	return n, nil
}

// describe asks for all ids at once and, when one of them is unknown, for each by itself: EC2 names only the first.
func describe[T any](ids []string, ask func(ids []string) ([]T, error)) (found []T, missing []string, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	found, err = ask(ids)
	if !isUnknown(err) {
		return found, nil, err
	}
	for _, id := range ids {
		one, err := ask([]string{id})
		switch {
		case isUnknown(err):
			missing = append(missing, id)
		case err != nil:
			return found, missing, err
		default:
			found = append(found, one...)
		}
	}
	return found, missing, nil
}

func isUnknown(err error) bool { return slices.Contains(unknownCodes, awserr.Code(err)) }

// unknown says what does not exist, and which key of fargate.toml names it.
func unknown(key, what string, ids []string) []string {
	problems := make([]string, 0, len(ids))
	for _, id := range ids {
		problems = append(problems, fmt.Sprintf("%s: no %s %s in this account and region; take it out or correct it", key, what, id))
	}
	return problems
}

// warn notes that EC2 did not tell; a nil err means it did.
func (n *network) warn(action, what string, err error) {
	switch {
	case err == nil:
	case awserr.IsAccessDenied(err):
		n.warnings = append(n.warnings, fmt.Sprintf("%s is denied: the %s of fargate.toml go unchecked; allow it to the role this daemon runs under", action, what))
	default:
		n.warnings = append(n.warnings, fmt.Sprintf("%s: the %s of fargate.toml go unchecked: %v", action, what, err))
	}
}

// place notes where the subnets are and returns what is not in one VPC with the first of them.
func (n *network) place(subnets []ec2types.Subnet, groups []ec2types.SecurityGroup) (problems []string) {
	for _, s := range subnets {
		vpc := aws.ToString(s.VpcId)
		if n.vpc == "" {
			n.vpc = vpc
		}
		if vpc != n.vpc {
			problems = append(problems, fmt.Sprintf("Subnets: %s is in %s and %s in %s; a task's network is in one VPC",
				aws.ToString(s.SubnetId), vpc, aws.ToString(subnets[0].SubnetId), n.vpc))
		}
		n.zones = append(n.zones, aws.ToString(s.AvailabilityZone))
	}
	slices.Sort(n.zones)
	n.zones = slices.Compact(n.zones)
	for _, g := range groups {
		if vpc := aws.ToString(g.VpcId); n.vpc != "" && vpc != n.vpc {
			problems = append(problems, fmt.Sprintf("SecurityGroups: %s is in %s and the subnets in %s; take a group of %s",
				aws.ToString(g.GroupId), vpc, n.vpc, n.vpc))
		}
	}
	return problems
}
