// Package preflight looks at what every pod will need from AWS before the first one comes: the ECS cluster, the
// subnets and the security groups of fargate.toml.
//
// It makes one thing, the ECS cluster, when there is none; it changes nothing else and is called once, at start.
// It retries nothing: its caller asks again after an error that is no *MissingError.
//
// The rule: what does not exist stops the start and is named; what cannot be looked at is a warning, for running
// tasks takes no permission to describe a network. Only Amazon ECS has to answer.
package preflight

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// ECS is what Check calls of Amazon ECS; *ecs.Client satisfies it.
type ECS interface {
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
	CreateCluster(context.Context, *ecs.CreateClusterInput, ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error)
}

// EC2 is what Check calls of Amazon EC2; *ec2.Client satisfies it.
type EC2 interface {
	DescribeSubnets(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error)
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
}

// Wanted is what must be there.
type Wanted struct {
	// ClusterName is created when there is no active cluster of that name.
	ClusterName string
	// Subnets holds at least one ID.
	Subnets []string
	// SecurityGroups may be empty: tasks then get the VPC's default group.
	SecurityGroups []string
}

// Found is what was there, or is now.
type Found struct {
	ClusterARN string
	// ClusterCreated tells that there was none.
	ClusterCreated bool
	// Account is the twelve digits of the AWS account, Region the cluster's.
	Account, Region string
	// VPC is the ID of the VPC of all subnets; "" when they may not be described.
	VPC string
	// Zones are the availability zones of the subnets, sorted, each once; empty when they may not be described.
	Zones []string
	// Warnings are sentences for the operator: what could not be looked at, and what that needs.
	Warnings []string
}

// MissingError is what the account lacks or holds in a way that no pod can use. Only the operator can mend it.
type MissingError struct{ Problems []string }

func (e *MissingError) Error() string { return strings.Join(e.Problems, "; ") }

// Check makes sure of everything in w. All that is missing is told at once, in a *MissingError; any other error is
// that of Amazon ECS, wrapped with the call, and may pass by itself.
func Check(ctx context.Context, ecsAPI ECS, ec2API EC2, w Wanted) (Found, error) {
	clusterARN, err := findCluster(ctx, ecsAPI, w.ClusterName)
	if err != nil {
		return Found{}, err
	}
	// The network comes before a cluster is made: a file with a wrong subnet leaves nothing behind.
	network, err := lookAtNetwork(ctx, ec2API, w)
	if err != nil {
		return Found{}, err
	}
	missing := clusterARN == ""
	if missing {
		if clusterARN, err = createCluster(ctx, ecsAPI, w.ClusterName); err != nil {
			return Found{}, err
		}
	}
	parsed, err := arn.Parse(clusterARN)
	if err != nil {
		return Found{}, fmt.Errorf("read the ARN %q of ECS cluster %s: %w", clusterARN, w.ClusterName, err)
	}
	return Found{
		ClusterARN:     clusterARN,
		ClusterCreated: missing,
		Account:        parsed.AccountID,
		Region:         parsed.Region,
		VPC:            network.vpc,
		Zones:          network.zones,
		Warnings:       network.warnings,
	}, nil
}
