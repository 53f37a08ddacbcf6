package preflight

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// Statuses of an ECS cluster. Source: API reference, Cluster.status; the SDK has no constants for them.
const (
	clusterActive   = "ACTIVE"
	clusterInactive = "INACTIVE" // deleted, and described for a while yet
)

// reasonMissing is DescribeClusters' word for a cluster that never was. Source: API reference, Failure.
const reasonMissing = "MISSING"

// findCluster returns the ARN of the active cluster of that name; "": there is none, and it can be created.
func findCluster(ctx context.Context, api ECS, name string) (string, error) {
	out, err := api.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{name}})
	if err != nil {
		return "", askECS("ecs:DescribeClusters", name, err)
	}
	for _, c := range out.Clusters {
		switch status := aws.ToString(c.Status); status {
		case clusterActive:
			return aws.ToString(c.ClusterArn), nil
		case clusterInactive:
			return "", nil
		default:
			return "", fmt.Errorf("ECS cluster %s is %s: it runs tasks only when %s", name, status, clusterActive)
		}
	}
	for _, f := range out.Failures {
		if reason := aws.ToString(f.Reason); reason != reasonMissing {
			return "", fmt.Errorf("describe ECS cluster %s: %s %s", name, reason, aws.ToString(f.Detail))
		}
	}
	return "", nil
}

// createCluster makes the cluster, with Fargate's capacity providers for pods that ask for Spot, and returns its ARN.
// Making one that another daemon made meanwhile is no error: ECS then returns that one. In an account without ECS's
// service-linked role, which the providers need and the first cluster makes, it is made without them.
func createCluster(ctx context.Context, api ECS, name string) (string, error) {
	out, err := api.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String(name), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}})
	if awserr.IsRefusal(err) {
		out, err = api.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String(name)})
	}
	if err != nil {
		return "", askECS("ecs:CreateCluster", name, err)
	}
	if out.Cluster == nil {
		return "", fmt.Errorf("create ECS cluster %s: the answer names no cluster", name)
	}
	return aws.ToString(out.Cluster.ClusterArn), nil
}

// askECS wraps what a call about the cluster ended with, and tells the operator how to mend a denial.
func askECS(action, name string, err error) error {
	if awserr.IsAccessDenied(err) {
		return fmt.Errorf("%s on cluster %s is denied; allow it to the role this daemon runs under, "+
			"or set ClusterName to a cluster the role may use: %w", action, name, err)
	}
	return fmt.Errorf("%s on cluster %s: %w", action, name, err)
}
