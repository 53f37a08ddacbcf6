package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// listenForMetadata opens the task metadata endpoint where real containers reach it: at the node's address, which is
// the gateway of their network. nil: there are none, and the local AWS's own endpoint answers for the scripted ones.
func (s *Stack) listenForMetadata(config *fargatesim.Config) (net.Listener, error) {
	if s.Runtime != Docker {
		return nil, nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.Site.Node.String(), "0"))
	if err != nil {
		return nil, fmt.Errorf("endpoint of the tasks' metadata: %w", err)
	}
	config.MetadataURL = "http://" + listener.Addr().String()
	return listener, nil
}

// serveMetadata answers containers until the stack is closed.
func (s *Stack) serveMetadata(listener net.Listener) {
	server := &http.Server{Handler: s.Fargate.Metadata()}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.later(func(context.Context) error {
		closed := server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return errors.Join(closed, err)
		}
		return closed
	})
}
