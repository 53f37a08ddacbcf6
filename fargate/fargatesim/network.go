package fargatesim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// network is the VPC of the account with the addresses in use. The Server's mu guards it.
type network struct {
	vpc        VPC
	subnets    []*subnet
	groups     []SecurityGroup
	interfaces map[string]*networkInterface // by ID
	made       int                          // network interfaces so far
}

type subnet struct {
	Subnet
	last netip.Addr // given last; the next is looked for behind it, so that an address rests before it is used again
	used map[netip.Addr]bool
}

// networkInterface is the network interface of a task.
type networkInterface struct {
	id, mac, status string // status as EC2 has it: "in-use", "available"
	attachmentID    string
	subnet          *subnet
	address         netip.Addr
	public          netip.Addr // not valid: none
	groups          []string
}

func newNetwork(c Config) *network {
	n := &network{vpc: c.VPC, groups: c.SecurityGroups, interfaces: map[string]*networkInterface{}}
	for _, described := range c.Subnets {
		described.Zone = or(described.Zone, c.Region+"a")
		s := &subnet{Subnet: described, used: map[netip.Addr]bool{}}
		for _, address := range described.Reserved {
			s.used[address] = true
		}
		s.last = s.first().Prev()
		n.subnets = append(n.subnets, s)
	}
	return n
}

// reservedFirst addresses of a subnet, and its last, are AWS's own (VPC guide: subnet sizing).
const reservedFirst = 4

func (n *network) subnet(id string) *subnet {
	i := slices.IndexFunc(n.subnets, func(s *subnet) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return n.subnets[i]
}

func (n *network) hasGroup(id string) bool {
	return slices.ContainsFunc(n.groups, func(g SecurityGroup) bool { return g.ID == id })
}

// take gives the next free address; ok is false where there is none.
func (s *subnet) take() (address netip.Addr, ok bool) {
	wrapped := false
	for address = s.last.Next(); ; address = address.Next() {
		if !s.CIDR.Contains(address) || !s.CIDR.Contains(address.Next()) { // beyond, or the last
			if wrapped {
				return netip.Addr{}, false
			}
			wrapped, address = true, s.first()
		}
		if !s.used[address] {
			s.used[address], s.last = true, address
			return address, true
		}
	}
}

// first is the first address that may be given.
func (s *subnet) first() netip.Addr {
	address := s.CIDR.Masked().Addr()
	for range reservedFirst {
		address = address.Next()
	}
	return address
}

// attach makes a network interface in the subnet, or none if the subnet is full.
func (n *network) attach(s *subnet, attachmentID string, groups []string, public bool) *networkInterface {
	address, ok := s.take()
	if !ok {
		return nil
	}
	n.made++
	i := &networkInterface{
		id: "eni-" + hexID(17), attachmentID: attachmentID, status: "in-use",
		mac:    fmt.Sprintf("0a:%02x:%02x:%02x:%02x:%02x", n.made>>32&0xff, n.made>>24&0xff, n.made>>16&0xff, n.made>>8&0xff, n.made&0xff),
		subnet: s, address: address, groups: groups,
	}
	if public {
		i.public = publicAddress(n.made)
	}
	n.interfaces[i.id] = i
	return i
}

// dnsName is the private DNS name, as a VPC outside us-east-1 makes it too.
func (i *networkInterface) dnsName() string {
	return "ip-" + strings.ReplaceAll(i.address.String(), ".", "-") + ".ec2.internal"
}

// publicAddress is from 203.0.113.0/24, which RFC 5737 keeps for documentation: nobody is ever reached there.
func publicAddress(n int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + n%254)}) }

// remove deletes a network interface; its address is free again.
func (n *network) remove(i *networkInterface) {
	delete(n.interfaces, i.id)
	delete(i.subnet.used, i.address)
}

// free counts the addresses that can still be given.
func (s *subnet) free() int {
	return 1<<(32-s.CIDR.Bits()) - reservedFirst - 1 - len(s.used)
}
