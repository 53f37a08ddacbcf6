package address

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
)

// scripted is the range of tasks that are never dialled. RFC 2544 keeps 198.18.0.0/15 for
// tests of networks, so that it is in use nowhere; its lower half is left to the nodes.
var scripted = netip.MustParsePrefix("198.19.0.0/16")

// ForScripts returns the site of a stack whose tasks are scripts. Its node is the stack's
// own address on the loopback interface, 198.18.0.NUMBER, where this process may add it,
// else the first address of this machine that others can reach: the API server's proxy
// refuses 127.0.0.1.
func ForScripts(number int) (Site, error) {
	node := netip.AddrFrom4([4]byte{198, 18, 0, byte(number)})
	release, refused := addToLoopback(node)
	if refused == nil {
		return Site{Node: node, Tasks: scripted, release: release}, nil
	}
	node, err := own()
	if err != nil {
		return Site{}, fmt.Errorf("%w; and none can be added: %w", err, refused)
	}
	return Site{Node: node, Tasks: scripted, Note: fmt.Sprintf("the node is at %s (%v)", node, refused)}, nil
}

// addToLoopback returns how to take the address away again. One that is there already was
// left by a stack of the same number that was killed, so it is taken away as well.
func addToLoopback(address netip.Addr) (release func() error, err error) {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, fmt.Errorf("find the loopback interface: %w", err)
	}
	entry := &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(32, 32)}}
	if err := netlink.AddrAdd(loopback, entry); err != nil && !errors.Is(err, syscall.EEXIST) {
		return nil, fmt.Errorf("add %s to the loopback interface: %w", address, err)
	}
	return func() error {
		if err := netlink.AddrDel(loopback, entry); err != nil {
			return fmt.Errorf("remove %s from the loopback interface: %w", address, err)
		}
		return nil
	}, nil
}

// own returns the first address of this machine that others can reach.
func own() (netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list the addresses of this machine: %w", err)
	}
	for _, entry := range list {
		network, ok := entry.(*net.IPNet)
		if !ok {
			continue
		}
		prefix, ok := fromIPNet(network)
		if ok && prefix.Addr().Is4() && prefix.Addr().IsGlobalUnicast() {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("this machine has no address but the loopback one")
}
