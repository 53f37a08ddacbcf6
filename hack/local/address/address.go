// Package address chooses where a local stack lives: the address of its node and API
// server, and the range its tasks get. It looks at this machine's routes and changes
// nothing but, where allowed, one address on the loopback interface.
package address

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
)

// wanted is the range of the tasks that are real containers, as in the walkthrough.
var wanted = netip.MustParsePrefix("10.0.1.0/24")

// Site is where a stack lives.
type Site struct {
	Node    netip.Addr   // reachable from this machine and from the tasks' containers
	Tasks   netip.Prefix // the tasks' addresses; Node is none of them
	Note    string       // what the user should know of the choice; empty: it is the usual one
	release func() error // nil: nothing to give back
}

// Release gives back what the choice took.
func (s Site) Release() error {
	if s.release == nil {
		return nil
	}
	return s.release()
}

// ForContainers returns a range that overlaps no route of this machine, for a bridge
// network whose gateway is the node.
func ForContainers() (Site, error) {
	routes, err := routes()
	if err != nil {
		return Site{}, err
	}
	return forContainers(routes)
}

func forContainers(routes []netip.Prefix) (Site, error) {
	for _, tasks := range candidates() {
		if overlaps(tasks, routes) {
			continue
		}
		site := Site{Node: tasks.Addr().Next(), Tasks: tasks}
		if tasks != wanted {
			site.Note = fmt.Sprintf("this machine has a route that overlaps %s, so tasks get addresses of %s", wanted, tasks)
		}
		return site, nil
	}
	return Site{}, fmt.Errorf("this machine's routes overlap every private range that was tried, from %s on", wanted)
}

// candidates are tried in order. The later ones are far from 10.0.0.0/16: on a machine in
// such a VPC a neighbour of the wanted range would be another subnet of it.
func candidates() []netip.Prefix {
	list := []netip.Prefix{wanted}
	for third := range 16 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 29, byte(third), 0}), 24))
	}
	for third := range 16 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(200 + third), 0}), 24))
	}
	return list
}

func overlaps(prefix netip.Prefix, routes []netip.Prefix) bool {
	for _, route := range routes {
		if route.Overlaps(prefix) {
			return true
		}
	}
	return false
}

// routes lists the destinations this machine reaches by IPv4, without the default one.
func routes() ([]netip.Prefix, error) {
	list, err := netlink.RouteList(nil, syscall.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list the routes of this machine: %w", err)
	}
	var found []netip.Prefix
	for _, route := range list {
		if prefix, ok := fromIPNet(route.Dst); ok && prefix.Bits() > 0 {
			found = append(found, prefix)
		}
	}
	return found, nil
}

func fromIPNet(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), bits), ok
}
