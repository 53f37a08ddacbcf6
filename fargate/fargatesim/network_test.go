package fargatesim_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestAddressesComeFromTheSubnet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		subnet := fargatesim.Subnet{ID: "subnet-small", CIDR: netip.MustParsePrefix("10.9.0.0/29"), Reserved: []netip.Addr{netip.MustParseAddr("10.9.0.5")}}
		a := open(t, fargatesim.Config{Subnets: []fargatesim.Subnet{subnet}, Unthrottled: true})
		a.register(nil)
		inSmall := func(in *ecs.RunTaskInput) {
			in.NetworkConfiguration.AwsvpcConfiguration.Subnets = []string{"subnet-small"}
			in.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp = "ENABLED"
			in.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups = []string{"sg-0123456789abcdef0"}
		}
		var last string
		for _, want := range []string{"10.9.0.4", "10.9.0.6"} {
			task := a.await(*a.run(inSmall).TaskArn, "RUNNING")
			if got := *task.Containers[0].NetworkInterfaces[0].PrivateIpv4Address; got != want {
				t.Errorf("want %s, got %s", want, got)
			}
			last = *task.TaskArn
		}
		full := a.await(*a.run(inSmall).TaskArn, "STOPPED")
		if !strings.Contains(*full.StoppedReason, "InsufficientFreeAddressesInSubnet") {
			t.Errorf("a full subnet: %s", *full.StoppedReason)
		}
		found, err := a.ec2.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{
			Filters: []ec2types.Filter{{Name: aws.String("addresses.private-ip-address"), Values: []string{"10.9.0.6"}}}})
		if err != nil || len(found.NetworkInterfaces) != 1 || aws.ToString(found.NetworkInterfaces[0].Association.PublicIp) == "" ||
			len(found.NetworkInterfaces[0].Groups) != 1 {
			t.Errorf("the network interface: %v, %+v", err, found)
		}
		a.stop(last)
		a.await(last, "STOPPED")
		if again := a.await(*a.run(inSmall).TaskArn, "RUNNING"); *again.Containers[0].NetworkInterfaces[0].PrivateIpv4Address != "10.9.0.6" {
			t.Errorf("an address is free again after its task: %+v", again.Containers[0])
		}
	})
}

func TestEC2AndSTS(t *testing.T) {
	a := open(t, fargatesim.Config{})
	subnets, err := a.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-0123456789abcdef0"}})
	if err != nil || len(subnets.Subnets) != 1 || *subnets.Subnets[0].AvailabilityZone != "us-east-1a" ||
		*subnets.Subnets[0].SubnetArn != "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0123456789abcdef0" {
		t.Errorf("subnets: %v, %+v", err, subnets)
	}
	for want, call := range map[string]func() error{
		"InvalidSubnetID.NotFound": func() error {
			_, err := a.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-1"}})
			return err
		},
		"InvalidGroup.NotFound": func() error {
			_, err := a.ec2.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-1"}})
			return err
		},
		"InvalidVpcID.NotFound": func() error {
			_, err := a.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-1"}})
			return err
		},
		"InvalidNetworkInterfaceID.NotFound": func() error {
			_, err := a.ec2.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{"eni-1"}})
			return err
		},
		"InvalidParameterValue": func() error {
			_, err := a.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{{Name: aws.String("colour"), Values: []string{"x"}}}})
			return err
		},
		"UnauthorizedOperation": func() error {
			a.Inject("DescribeVpcs", 1, fargatesim.Fault{Error: fargatesim.AccessDenied("ec2:DescribeVpcs")})
			_, err := a.ec2.DescribeVpcs(t.Context(), nil)
			return err
		},
	} {
		if got := code(call()); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
	who, err := a.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Account != "123456789012" || !strings.Contains(*who.Arn, "assumed-role") {
		t.Errorf("GetCallerIdentity: %v, %+v", err, who)
	}
	a.Inject("GetCallerIdentity", 1, fargatesim.Fault{Error: fargatesim.AccessDenied("sts:GetCallerIdentity")})
	if _, err := a.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); code(err) != "AccessDenied" {
		t.Errorf("GetCallerIdentity, denied: %v", err)
	}
}
