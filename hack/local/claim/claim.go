// Package claim tells the local stacks of one machine apart. Each takes the lowest number
// that is free and keeps it until its process ends, however it ends; all that a stack leaves
// outside its process (a network, containers, a directory) carries its number. So whoever
// gets a number knows that what carries it was left by a stack that was killed.
package claim

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// A number is claimed by listening on a port of the loopback interface: the kernel gives it
// back when the process is gone, and its scope is the network namespace, as that of the
// addresses and bridges. Nobody ever connects.
const (
	base  = 27180
	Limit = 9 // stacks on one machine
)

// Claim is a number that is ours.
type Claim struct {
	Number   int // 1 to Limit
	listener net.Listener
}

// Take claims the lowest free number.
func Take() (*Claim, error) {
	for number := 1; number <= Limit; number++ {
		claim, err := take(number)
		if err != nil || claim != nil {
			return claim, err
		}
	}
	return nil, fmt.Errorf("%d local stacks run on this machine already", Limit)
}

// Release gives the number back. It may be repeated.
func (c *Claim) Release() { _ = c.listener.Close() }

// take returns nil when the number is another's.
func take(number int) (*Claim, error) {
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", base+number))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim number %d for a local stack: %w", number, err)
	}
	return &Claim{number, listener}, nil
}
