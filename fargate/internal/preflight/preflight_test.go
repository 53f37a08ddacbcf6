package preflight_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/preflight"
)

func apiError(code string) error { return &smithy.GenericAPIError{Code: code, Message: "says AWS"} }

// fakeECS holds clusters by name, with their status.
type fakeECS struct {
	clusters map[string]string
	// denied are the operations the role may not call.
	denied []string
	// noServiceRole is an account in which nobody has made a cluster yet.
	noServiceRole bool
	// providers are those that a cluster was made with.
	providers []string
}

const arnPrefix = "arn:aws:ecs:eu-west-1:123456789012:cluster/"

func (f *fakeECS) DescribeClusters(_ context.Context, in *ecs.DescribeClustersInput, _ ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	if slices.Contains(f.denied, "DescribeClusters") {
		return nil, apiError("AccessDeniedException")
	}
	out := &ecs.DescribeClustersOutput{}
	for _, name := range in.Clusters {
		if status, ok := f.clusters[name]; ok {
			out.Clusters = append(out.Clusters, ecstypes.Cluster{
				ClusterName: aws.String(name), ClusterArn: aws.String(arnPrefix + name), Status: aws.String(status)})
			continue
		}
		out.Failures = append(out.Failures, ecstypes.Failure{Arn: aws.String(arnPrefix + name), Reason: aws.String("MISSING")})
	}
	return out, nil
}

func (f *fakeECS) CreateCluster(_ context.Context, in *ecs.CreateClusterInput, _ ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error) {
	if slices.Contains(f.denied, "CreateCluster") {
		return nil, apiError("AccessDeniedException")
	}
	if f.noServiceRole && len(in.CapacityProviders) > 0 {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("Unable to assume the service linked role. Please verify that the ECS service linked role exists.")}
	}
	name := aws.ToString(in.ClusterName)
	f.clusters[name], f.providers = "ACTIVE", in.CapacityProviders
	return &ecs.CreateClusterOutput{Cluster: &ecstypes.Cluster{ClusterArn: aws.String(arnPrefix + name)}}, nil
}

// fakeEC2 holds subnets and security groups, ID to VPC, and the zones of subnets.
type fakeEC2 struct {
	subnets, groups map[string]string
	zones           map[string]string
	// failure, when there is one, is how every call ends.
	failure error
}

func (f *fakeEC2) DescribeSubnets(_ context.Context, in *ec2.DescribeSubnetsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error) {
	out := &ec2.DescribeSubnetsOutput{}
	for _, id := range in.SubnetIds {
		vpc, ok := f.subnets[id]
		switch {
		case f.failure != nil:
			return nil, f.failure
		case !ok:
			return nil, apiError("InvalidSubnetID.NotFound")
		}
		out.Subnets = append(out.Subnets, ec2types.Subnet{
			SubnetId: aws.String(id), VpcId: aws.String(vpc), AvailabilityZone: aws.String(f.zones[id])})
	}
	return out, nil
}

func (f *fakeEC2) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	out := &ec2.DescribeSecurityGroupsOutput{}
	for _, id := range in.GroupIds {
		vpc, ok := f.groups[id]
		switch {
		case f.failure != nil:
			return nil, f.failure
		case !ok:
			return nil, apiError("InvalidGroup.NotFound")
		}
		out.SecurityGroups = append(out.SecurityGroups, ec2types.SecurityGroup{GroupId: aws.String(id), VpcId: aws.String(vpc)})
	}
	return out, nil
}

// account is what most tests find.
func account() *fakeEC2 {
	return &fakeEC2{
		subnets: map[string]string{"subnet-a": "vpc-1", "subnet-b": "vpc-1", "subnet-other": "vpc-2"},
		zones:   map[string]string{"subnet-a": "eu-west-1b", "subnet-b": "eu-west-1a", "subnet-other": "eu-west-1a"},
		groups:  map[string]string{"sg-1": "vpc-1", "sg-other": "vpc-2"},
	}
}

// found is what Check makes of the account when all is there.
func found(change func(*preflight.Found)) preflight.Found {
	f := preflight.Found{
		ClusterARN: arnPrefix + "pods", Account: "123456789012", Region: "eu-west-1",
		VPC: "vpc-1", Zones: []string{"eu-west-1a", "eu-west-1b"},
	}
	if change != nil {
		change(&f)
	}
	return f
}

func wanted() preflight.Wanted {
	return preflight.Wanted{ClusterName: "pods", Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"}}
}

func TestCheckFinds(t *testing.T) {
	for name, row := range map[string]struct {
		reason  string
		cluster map[string]string
		ec2     func(*fakeEC2)
		want    preflight.Found
	}{
		"everything": {
			reason:  "the ordinary start",
			cluster: map[string]string{"pods": "ACTIVE"},
			want:    found(nil),
		},
		"no cluster": {
			reason: "the original provider made one",
			want:   found(func(f *preflight.Found) { f.ClusterCreated = true }),
		},
		"a deleted cluster": {
			reason:  "ECS goes on describing it, but it runs nothing",
			cluster: map[string]string{"pods": "INACTIVE"},
			want:    found(func(f *preflight.Found) { f.ClusterCreated = true }),
		},
		"a network it may not look at": {
			reason:  "running tasks needs no permission to describe their network",
			cluster: map[string]string{"pods": "ACTIVE"},
			ec2:     func(f *fakeEC2) { f.failure = apiError("UnauthorizedOperation") },
			want: found(func(f *preflight.Found) {
				f.VPC, f.Zones = "", nil
				f.Warnings = []string{
					"ec2:DescribeSubnets is denied: the subnets of fargate.toml go unchecked; allow it to the role this daemon runs under",
					"ec2:DescribeSecurityGroups is denied: the security groups of fargate.toml go unchecked; allow it to the role this daemon runs under",
				}
			}),
		},
		"no way to EC2": {
			reason:  "a private VPC may have an endpoint for ECS and none for EC2",
			cluster: map[string]string{"pods": "ACTIVE"},
			ec2:     func(f *fakeEC2) { f.failure = errors.New("dial tcp: i/o timeout") },
			want: found(func(f *preflight.Found) {
				f.VPC, f.Zones = "", nil
				f.Warnings = []string{
					"ec2:DescribeSubnets: the subnets of fargate.toml go unchecked: dial tcp: i/o timeout",
					"ec2:DescribeSecurityGroups: the security groups of fargate.toml go unchecked: dial tcp: i/o timeout",
				}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			ecsAPI, ec2API := &fakeECS{clusters: map[string]string{}}, account()
			if row.cluster != nil {
				ecsAPI.clusters = row.cluster
			}
			if row.ec2 != nil {
				row.ec2(ec2API)
			}
			got, err := preflight.Check(t.Context(), ecsAPI, ec2API, wanted())
			if err != nil {
				t.Fatalf("%s: %v", row.reason, err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
			if diff := cmp.Diff(map[string]string{"pods": "ACTIVE"}, ecsAPI.clusters); diff != "" {
				t.Errorf("%s: clusters (-want +got):\n%s", row.reason, diff)
			}
		})
	}
}

func TestCheckNamesAllThatIsMissing(t *testing.T) {
	for name, row := range map[string]struct {
		reason                  string
		subnets, securityGroups []string
		want                    []string
	}{
		"unknown IDs": {
			reason:         "EC2 itself names only the first",
			subnets:        []string{"subnet-a", "subnet-x", "subnet-y"},
			securityGroups: []string{"sg-x"},
			want: []string{
				"Subnets: no subnet subnet-x in this account and region; take it out or correct it",
				"Subnets: no subnet subnet-y in this account and region; take it out or correct it",
				"SecurityGroups: no security group sg-x in this account and region; take it out or correct it",
			},
		},
		"two networks": {
			reason:         "ECS refuses such a task, at the first pod",
			subnets:        []string{"subnet-a", "subnet-other"},
			securityGroups: []string{"sg-1", "sg-other"},
			want: []string{
				"Subnets: subnet-other is in vpc-2 and subnet-a in vpc-1; a task's network is in one VPC",
				"SecurityGroups: sg-other is in vpc-2 and the subnets in vpc-1; take a group of vpc-1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ecsAPI := &fakeECS{clusters: map[string]string{}}
			w := preflight.Wanted{ClusterName: "pods", Subnets: row.subnets, SecurityGroups: row.securityGroups}
			_, err := preflight.Check(t.Context(), ecsAPI, account(), w)
			var missing *preflight.MissingError
			if !errors.As(err, &missing) {
				t.Fatalf("%s: want a *MissingError, got %v", row.reason, err)
			}
			if diff := cmp.Diff(row.want, missing.Problems); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.reason, diff)
			}
			if len(ecsAPI.clusters) > 0 {
				t.Error("a start that fails must not leave a cluster behind")
			}
		})
	}
}

func TestCheckNamesTheActionThatIsDenied(t *testing.T) {
	for _, operation := range []string{"DescribeClusters", "CreateCluster"} {
		t.Run(operation, func(t *testing.T) {
			ecsAPI := &fakeECS{clusters: map[string]string{}, denied: []string{operation}}
			_, err := preflight.Check(t.Context(), ecsAPI, account(), wanted())
			want := "ecs:" + operation + " on cluster pods is denied; allow it to the role this daemon runs under, " +
				"or set ClusterName to a cluster the role may use: api error AccessDeniedException: says AWS"
			if err == nil {
				t.Fatal("want an error")
			}
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckRefusesAClusterThatIsNotReady(t *testing.T) {
	ecsAPI := &fakeECS{clusters: map[string]string{"pods": "DEPROVISIONING"}}
	_, err := preflight.Check(t.Context(), ecsAPI, account(), wanted())
	want := "ECS cluster pods is DEPROVISIONING: it runs tasks only when ACTIVE"
	if err == nil || err.Error() != want {
		t.Errorf("want %q, got %v", want, err)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ecsAPI, ec2API := &fakeECS{clusters: map[string]string{"pods": "ACTIVE"}}, account()
	ec2API.failure = context.Canceled
	if _, err := preflight.Check(ctx, ecsAPI, ec2API, wanted()); !errors.Is(err, context.Canceled) {
		t.Errorf("want context.Canceled and no warning about EC2, got %v", err)
	}
}

// A cluster that we make has Spot for the pods that ask for it, unless the account has no service-linked role yet.
func TestNewClustersHaveSpot(t *testing.T) {
	for fresh, want := range map[bool][]string{false: {"FARGATE", "FARGATE_SPOT"}, true: nil} {
		ecsAPI := &fakeECS{clusters: map[string]string{}, noServiceRole: fresh}
		if _, err := preflight.Check(t.Context(), ecsAPI, account(), wanted()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ecsAPI.providers); diff != "" || ecsAPI.clusters["pods"] != "ACTIVE" {
			t.Errorf("in an account that is fresh: %t (-want +got):\n%s", fresh, diff)
		}
	}
}
