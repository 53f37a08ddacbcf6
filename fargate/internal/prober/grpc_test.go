package prober

import (
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
)

func TestGRPC(t *testing.T) {
	healthy := health.NewServer()
	healthy.SetServingStatus("down", healthpb.HealthCheckResponse_NOT_SERVING)
	with := serveGRPC(t, func(s *grpc.Server) { healthpb.RegisterHealthServer(s, healthy) })
	without := serveGRPC(t, func(*grpc.Server) {})
	for name, c := range map[string]struct {
		address, service string
		want             outcome
	}{
		"the server":        {with, "", outcome{verdict: success}},
		"a service down":    {with, "down", outcome{verdict: failure, message: `Readiness probe failed: service unhealthy (responded with "NOT_SERVING")`}},
		"a service unknown": {with, "what", outcome{verdict: failure, message: "Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"}},
		"no health service": {without, "", outcome{verdict: failure, message: "Readiness probe failed: error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service grpc.health.v1.Health"}},
	} {
		port := portAt(c.address)
		action := &corev1.GRPCAction{Port: int32(port.IntValue()), Service: &c.service}
		got := onLoopback().probe(t.Context(), probeOf(corev1.ProbeHandler{GRPC: action}))
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestGRPCFaults(t *testing.T) {
	for code, want := range map[codes.Code]string{
		codes.DeadlineExceeded: "timeout: health rpc did not complete within 1s",
		codes.Unimplemented:    "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): why",
		codes.Internal:         "error: health rpc probe failed: rpc error: code = Internal desc = why",
	} {
		if got := grpcFault(status.Error(code, "why"), time.Second); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func serveGRPC(t testing.TB, register func(*grpc.Server)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	register(server)
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// BenchmarkGRPC is what one probe costs the daemon, and here the application too.
func BenchmarkGRPC(b *testing.B) {
	address := serveGRPC(b, func(s *grpc.Server) { healthpb.RegisterHealthServer(s, health.NewServer()) })
	port := portAt(address)
	n, target := onLoopback(), probeOf(corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: int32(port.IntValue())}})
	b.ReportAllocs()
	for b.Loop() {
		if got := n.probe(b.Context(), target); got.verdict != success {
			b.Fatal(got)
		}
	}
}
