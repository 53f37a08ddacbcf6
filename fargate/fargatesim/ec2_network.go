package fargatesim

import (
	"cmp"
	"encoding/xml"
	"slices"
	"strings"
)

type xmlVPC struct {
	XMLName   xml.Name `xml:"item"`
	VPCID     string   `xml:"vpcId"`
	State     string   `xml:"state"`
	CIDR      string   `xml:"cidrBlock"`
	OwnerID   string   `xml:"ownerId"`
	IsDefault bool     `xml:"isDefault"`
}

func (s *Server) describeVPCs(body []byte) ([]byte, error) {
	q, err := parseEC2(body, "VpcId")
	if err != nil {
		return nil, err
	}
	if id, unknown := q.unknownID(func(id string) bool { return id == s.config.VPC.ID }); unknown {
		return nil, notFound("InvalidVpcID", "vpc", id)
	}
	return listing[VPC]{
		operation: "DescribeVpcs", set: "vpcSet",
		attributes: func(v VPC) (string, map[string]string) { return v.ID, map[string]string{"vpc-id": v.ID} },
		write: func(v VPC) any {
			return xmlVPC{VPCID: v.ID, State: "available", CIDR: v.CIDR.String(), OwnerID: s.config.Account, IsDefault: true}
		},
	}.answer(q, []VPC{s.config.VPC})
}

type xmlSubnet struct {
	XMLName   xml.Name `xml:"item"`
	SubnetID  string   `xml:"subnetId"`
	ARN       string   `xml:"subnetArn"`
	State     string   `xml:"state"`
	VPCID     string   `xml:"vpcId"`
	CIDR      string   `xml:"cidrBlock"`
	Available int      `xml:"availableIpAddressCount"`
	Zone      string   `xml:"availabilityZone"`
	OwnerID   string   `xml:"ownerId"`
}

func (s *Server) describeSubnets(body []byte) ([]byte, error) {
	q, err := parseEC2(body, "SubnetId")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, unknown := q.unknownID(func(id string) bool { return s.network.subnet(id) != nil }); unknown {
		return nil, notFound("InvalidSubnetID", "subnet", id)
	}
	return listing[*subnet]{
		operation: "DescribeSubnets", set: "subnetSet",
		attributes: func(n *subnet) (string, map[string]string) {
			return n.ID, map[string]string{"subnet-id": n.ID, "vpc-id": s.config.VPC.ID, "availability-zone": n.Zone, "state": "available"}
		},
		write: func(n *subnet) any {
			return xmlSubnet{SubnetID: n.ID, ARN: s.arn("ec2", "subnet/"+n.ID), State: "available", VPCID: s.config.VPC.ID, CIDR: n.CIDR.Masked().String(),
				Available: n.free(), Zone: n.Zone, OwnerID: s.config.Account}
		},
	}.answer(q, s.network.subnets)
}

type xmlSecurityGroup struct {
	XMLName     xml.Name `xml:"item"`
	OwnerID     string   `xml:"ownerId"`
	ID          string   `xml:"groupId"`
	ARN         string   `xml:"securityGroupArn"`
	Name        string   `xml:"groupName"`
	Description string   `xml:"groupDescription"`
	VPCID       string   `xml:"vpcId"`
}

func (s *Server) describeSecurityGroups(body []byte) ([]byte, error) {
	q, err := parseEC2(body, "GroupId")
	if err != nil {
		return nil, err
	}
	if id, unknown := q.unknownID(s.network.hasGroup); unknown { // groups never change
		return nil, newError("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	return listing[SecurityGroup]{
		operation: "DescribeSecurityGroups", set: "securityGroupInfo",
		attributes: func(g SecurityGroup) (string, map[string]string) {
			return g.ID, map[string]string{"group-id": g.ID, "group-name": g.Name, "vpc-id": s.config.VPC.ID}
		},
		write: func(g SecurityGroup) any {
			return xmlSecurityGroup{OwnerID: s.config.Account, ID: g.ID, ARN: s.arn("ec2", "security-group/"+g.ID), Name: g.Name,
				Description: g.Name, VPCID: s.config.VPC.ID}
		},
	}.answer(q, s.network.groups)
}

type xmlInterface struct {
	XMLName     xml.Name        `xml:"item"`
	ID          string          `xml:"networkInterfaceId"`
	SubnetID    string          `xml:"subnetId"`
	VPCID       string          `xml:"vpcId"`
	Zone        string          `xml:"availabilityZone"`
	Description string          `xml:"description"`
	OwnerID     string          `xml:"ownerId"`
	Managed     bool            `xml:"requesterManaged"`
	Status      string          `xml:"status"`
	MAC         string          `xml:"macAddress"`
	Private     string          `xml:"privateIpAddress"`
	PrivateDNS  string          `xml:"privateDnsName"`
	Groups      []xmlGroup      `xml:"groupSet>item"`
	Association *xmlAssociation `xml:"association"`
}

type xmlGroup struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type xmlAssociation struct {
	PublicIP  string `xml:"publicIp"`
	PublicDNS string `xml:"publicDnsName"`
	OwnerID   string `xml:"ipOwnerId"`
}

func (s *Server) describeNetworkInterfaces(body []byte) ([]byte, error) {
	q, err := parseEC2(body, "NetworkInterfaceId")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, unknown := q.unknownID(func(id string) bool { return s.network.interfaces[id] != nil }); unknown {
		return nil, notFound("InvalidNetworkInterfaceID", "networkInterface", id)
	}
	var all []*networkInterface
	for _, i := range s.network.interfaces {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *networkInterface) int { return cmp.Compare(a.id, b.id) })
	return listing[*networkInterface]{
		operation: "DescribeNetworkInterfaces", set: "networkInterfaceSet",
		attributes: func(i *networkInterface) (string, map[string]string) {
			return i.id, map[string]string{"network-interface-id": i.id, "subnet-id": i.subnet.ID, "vpc-id": s.config.VPC.ID,
				"status": i.status, "addresses.private-ip-address": i.address.String(), "mac-address": i.mac}
		},
		write: func(i *networkInterface) any { return s.interfaceXML(i) },
	}.answer(q, all)
}

func (s *Server) interfaceXML(i *networkInterface) xmlInterface {
	out := xmlInterface{
		ID: i.id, SubnetID: i.subnet.ID, VPCID: s.config.VPC.ID, Zone: i.subnet.Zone, OwnerID: s.config.Account, Managed: true,
		Description: s.arn("ecs", "attachment/"+i.attachmentID), Status: i.status, MAC: i.mac,
		Private: i.address.String(), PrivateDNS: i.dnsName(),
	}
	for _, g := range s.network.groups {
		if slices.Contains(i.groups, g.ID) {
			out.Groups = append(out.Groups, xmlGroup(g))
		}
	}
	if i.public.IsValid() {
		out.Association = &xmlAssociation{PublicIP: i.public.String(), OwnerID: "amazon",
			PublicDNS: "ec2-" + strings.ReplaceAll(i.public.String(), ".", "-") + ".compute-1.amazonaws.com"}
	}
	return out
}
