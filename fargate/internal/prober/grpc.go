package prober

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"k8s.io/utils/ptr"
)

// smallBuffer is enough for one question and its answer; the default of 32 KiB is made for streams.
const smallBuffer = 4 << 10

// grpc asks by the health checking protocol, in plain text as kubelet does.
func (n *network) grpc(ctx context.Context, t target) answer {
	limit := timeout(t.probe)
	address := net.JoinHostPort(t.ip, strconv.Itoa(int(t.probe.GRPC.Port)))
	conn, err := n.grpcConn(ctx, address)
	if err != nil {
		return answer{verdict: failure, words: fmt.Sprintf("error: failed to connect service at %q: %v", address, err)}
	}
	defer func() { _ = conn.Close() }()
	if !connected(ctx, conn) {
		return answer{verdict: failure, words: fmt.Sprintf("timeout: failed to connect service %q within %v: %v", address, limit, ctx.Err())}
	}
	response, err := health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{Service: ptr.Deref(t.probe.GRPC.Service, "")})
	switch {
	case err != nil:
		return answer{verdict: failure, words: grpcFault(err, limit)}
	case response.GetStatus() != health.HealthCheckResponse_SERVING:
		return answer{verdict: failure, words: fmt.Sprintf("service unhealthy (responded with %q)", response.GetStatus().String())}
	default:
		return answer{verdict: success}
	}
}

func (n *network) grpcConn(ctx context.Context, address string) (*grpc.ClientConn, error) {
	noted := ctx.Value(lineKey{})
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithUserAgent(n.userAgent),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithReadBufferSize(smallBuffer), grpc.WithWriteBufferSize(smallBuffer),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return n.dial(context.WithValue(ctx, lineKey{}, noted), "tcp", address)
		}))
}

// connected waits for a connection until ctx ends: a server that refuses one may be about to start.
func connected(ctx context.Context, conn *grpc.ClientConn) bool {
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if state == connectivity.Idle {
			conn.Connect()
		}
		if !conn.WaitForStateChange(ctx, state) {
			return false
		}
	}
	return true
}

func grpcFault(err error, limit time.Duration) string {
	switch s := status.Convert(err); s.Code() {
	case codes.Unimplemented:
		return "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): " + s.Message()
	case codes.DeadlineExceeded:
		return fmt.Sprintf("timeout: health rpc did not complete within %v", limit)
	default:
		return fmt.Sprintf("error: health rpc probe failed: %v", err)
	}
}
