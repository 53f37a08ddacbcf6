package fargatesim

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// cluster is an ECS cluster. Its counts are made when it is described.
type cluster struct{ ecstypes.Cluster }

const (
	active   = "ACTIVE"
	inactive = "INACTIVE"
)

func (s *Server) newCluster(name string) *cluster {
	return &cluster{ecstypes.Cluster{
		ClusterName: &name, ClusterArn: ptr(s.arn("ecs", "cluster/"+name)), Status: ptr(active),
		CapacityProviders:               []string{},
		DefaultCapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{},
	}}
}

// cluster finds an ACTIVE cluster by name or ARN; nil names the one called default.
func (s *Server) cluster(nameOrARN *string) (*cluster, error) {
	c := s.anyCluster(deref(nameOrARN))
	if c == nil || *c.Status != active {
		return nil, newError("ClusterNotFoundException", "Cluster not found.")
	}
	return c, nil
}

func (s *Server) anyCluster(nameOrARN string) *cluster {
	if strings.HasPrefix(nameOrARN, "arn:") {
		kind, name, ok := s.ecsResource(nameOrARN)
		if !ok || kind != "cluster" {
			return nil
		}
		return s.clusters[name]
	}
	return s.clusters[or(nameOrARN, "default")]
}

func (s *Server) createCluster(in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
	name := or(deref(in.ClusterName), "default")
	if !isName(name) {
		return nil, invalidParameter("Invalid cluster name: up to 255 letters, digits, hyphens and underscores.")
	}
	if err := checkECSTags(in.Tags); err != nil {
		return nil, err
	}
	for _, p := range in.CapacityProviders {
		if !slices.Contains(fargateProviders, p) {
			return nil, invalidParameter("The specified capacity provider '%s' is not found. Verify the name and try again.", p)
		}
	}
	if c := s.clusters[name]; c != nil && *c.Status == active {
		return &ecs.CreateClusterOutput{Cluster: ptr(s.described(c, nil))}, nil
	}
	c := s.newCluster(name)
	c.Tags, c.Settings, c.Configuration = in.Tags, in.Settings, in.Configuration
	c.CapacityProviders = append(c.CapacityProviders, in.CapacityProviders...)
	c.DefaultCapacityProviderStrategy = append(c.DefaultCapacityProviderStrategy, in.DefaultCapacityProviderStrategy...)
	s.clusters[name] = c
	return &ecs.CreateClusterOutput{Cluster: ptr(s.described(c, []ecstypes.ClusterField{ecstypes.ClusterFieldTags}))}, nil
}

var fargateProviders = []string{"FARGATE", "FARGATE_SPOT"}

func (s *Server) describeClusters(in *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
	names := in.Clusters
	if len(names) == 0 {
		names = []string{"default"}
	}
	if len(names) > 100 { // API reference: DescribeClusters
		return nil, invalidParameter("Too many clusters: at most 100.")
	}
	out := &ecs.DescribeClustersOutput{Clusters: []ecstypes.Cluster{}, Failures: []ecstypes.Failure{}}
	for _, name := range names {
		if c := s.anyCluster(name); c != nil {
			out.Clusters = append(out.Clusters, s.described(c, in.Include))
		} else {
			out.Failures = append(out.Failures, s.missing("cluster", name))
		}
	}
	return out, nil
}

// described is a cluster as AWS shows it: its counts are of now, and tags and the like only if asked for.
func (s *Server) described(c *cluster, include []ecstypes.ClusterField) ecstypes.Cluster {
	out := clone(c.Cluster)
	for _, t := range s.order {
		switch {
		case *t.ClusterArn != *c.ClusterArn:
		case *t.LastStatus == statusRunning:
			out.RunningTasksCount++
		case isBefore(*t.LastStatus, statusRunning):
			out.PendingTasksCount++
		}
	}
	out.Statistics, out.Settings, out.Tags = []ecstypes.KeyValuePair{}, []ecstypes.ClusterSetting{}, []ecstypes.Tag{}
	if slices.Contains(include, ecstypes.ClusterFieldTags) {
		out.Tags = append(out.Tags, c.Tags...)
	}
	if slices.Contains(include, ecstypes.ClusterFieldSettings) {
		out.Settings = append(out.Settings, c.Settings...)
	}
	if !slices.Contains(include, ecstypes.ClusterFieldConfigurations) {
		out.Configuration = nil
	}
	return out
}

func (s *Server) listClusters(in *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
	var arns []string
	for _, c := range s.clusters {
		if *c.Status == active {
			arns = append(arns, *c.ClusterArn)
		}
	}
	arns, next, err := page(arns, byName, in.MaxResults, in.NextToken)
	return &ecs.ListClustersOutput{ClusterArns: arns, NextToken: next}, err
}

func (s *Server) deleteCluster(in *ecs.DeleteClusterInput) (*ecs.DeleteClusterOutput, error) {
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	for _, t := range s.order {
		if *t.ClusterArn == *c.ClusterArn && *t.LastStatus != statusStopped {
			return nil, newError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
		}
	}
	c.Status = ptr(inactive)
	return &ecs.DeleteClusterOutput{Cluster: ptr(s.described(c, nil))}, nil
}

// missing is the failure for a thing that does not exist, under its ARN.
func (s *Server) missing(kind, nameOrARN string) ecstypes.Failure {
	if !strings.HasPrefix(nameOrARN, "arn:") {
		nameOrARN = s.arn("ecs", kind+"/"+nameOrARN)
	}
	return ecstypes.Failure{Arn: &nameOrARN, Reason: ptr("MISSING")}
}
