package prober

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// network asks containers how they are. It keeps no connection: each probe makes its own.
type network struct {
	userAgent string // of probes
	hookAgent string // of hooks
	dialer    func(ctx context.Context, network, address string) (net.Conn, error)
	transport *http.Transport
}

// answer is what a container said.
type answer struct {
	verdict   verdict
	words     string // of a failure, or of a success that is a warning
	unreached bool
}

const (
	maxHeader        = 64 << 10         // of an answer: no container is to fill the daemon's memory
	handshakeTimeout = 10 * time.Second // as kubelet's, for probes that wait longer than that
)

func newNetwork(cfg Config) *network {
	n := &network{userAgent: "kube-probe/" + cfg.Version, hookAgent: "kube-lifecycle/" + cfg.Version, dialer: cfg.Dial}
	if n.dialer == nil {
		n.dialer = (&net.Dialer{Control: admit}).DialContext
	}
	n.transport = &http.Transport{ // without Proxy: what is asked is the container
		DialContext:            n.dial,
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true}, // as documented of probes: whom they reach is known by its address
		TLSHandshakeTimeout:    handshakeTimeout,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	return n
}

// ask makes one probe. The error is that it could not be made; its answer then says how far it got.
func (n *network) ask(ctx context.Context, t target) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout(t.probe))
	defer cancel()
	l := &line{probe: ctx}
	a, err := n.handle(context.WithValue(ctx, lineKey{}, l), t)
	a.unreached = a.verdict == failure && l.silent.Load()
	return a, err
}

func (n *network) handle(ctx context.Context, t target) (answer, error) {
	switch {
	case t.probe.HTTPGet != nil:
		request, err := n.request(ctx, t.probe.HTTPGet, t, n.userAgent)
		if err != nil {
			return answer{}, err
		}
		return n.httpGet(request)
	case t.probe.TCPSocket != nil:
		address, err := addressOf(t.probe.TCPSocket.Host, t.probe.TCPSocket.Port, t)
		if err != nil {
			return answer{}, err
		}
		return n.tcpSocket(ctx, address), nil
	default:
		return n.grpc(ctx, t), nil
	}
}

// addressOf is where a probe goes: the pod itself unless it names a host.
func addressOf(host string, port intstr.IntOrString, t target) (string, error) {
	number, err := portOf(port, t.container)
	if err != nil {
		return "", err
	}
	if host == "" {
		host = t.ip
	}
	return net.JoinHostPort(host, strconv.Itoa(number)), nil
}

// portOf is the number of a port that is given by number, by the name of the container's port, or by a
// number as text.
func portOf(port intstr.IntOrString, c *corev1.Container) (int, error) {
	number := port.IntValue() // 0 if it is a name
	for _, declared := range c.Ports {
		if port.Type == intstr.String && declared.Name == port.StrVal {
			number = int(declared.ContainerPort)
		}
	}
	if number < 1 || number > 65535 {
		return 0, fmt.Errorf("the container has no port %q", port.String())
	}
	return number, nil
}

// tcpSocket asks for a connection and for nothing more.
func (n *network) tcpSocket(ctx context.Context, address string) answer {
	conn, err := n.dial(ctx, "tcp", address)
	if err != nil {
		return answer{verdict: failure, words: err.Error()}
	}
	_ = conn.Close()
	return answer{verdict: success}
}

// line is the way to a container, for the time of a probe.
type line struct {
	probe  context.Context // ends with the probe
	silent atomic.Bool     // the other end gives no sign of life
}

type lineKey struct{}

// dial connects, for as long as the probe lasts: http.Transport would go on to dial long after the request
// has ended, and every period would add to the sockets that wait for a pod out of reach.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l, _ := ctx.Value(lineKey{}).(*line)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.probe, cancel)()
	l.silent.Store(true) // also for a probe that ends first
	conn, err := n.dialer(ctx, network, address)
	l.silent.Store(silence(err))
	return conn, err
}

// silence reports whether a dial ended without any answer; a refusal is one.
func silence(err error) bool {
	var fault net.Error
	return errors.As(err, &fault) && fault.Timeout() || errors.Is(err, context.Canceled) ||
		errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH)
}

// admit refuses what only the daemon can reach: its own machine by any of its addresses, and what AWS has on a machine's
// link (credentials of the instance at 169.254.169.254). A pod's author may name any host for a probe, and no pod has
// such an address. What else the daemon's place in the network reaches is the security groups' to decide.
func admit(_, address string, _ syscall.RawConn) error {
	there, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("list the node's addresses, where probes do not go: %w", err)
	}
	if ip := there.Addr().Unmap().WithZone(""); isNodes(ip, own) {
		return fmt.Errorf("%s belongs to the node: probes do not go there", ip)
	}
	return nil
}

// isNodes reports whether an address is of a machine itself, whose interfaces have the addresses own.
func isNodes(ip netip.Addr, own []net.Addr) bool {
	return ip.IsLoopback() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip == instanceMetadata ||
		slices.ContainsFunc(own, func(a net.Addr) bool {
			network, isNetwork := a.(*net.IPNet)
			return isNetwork && network.IP.Equal(ip.AsSlice())
		})
}

// instanceMetadata is the one address of instance metadata that is not link-local, EC2 user guide:
// "Access instance metadata".
var instanceMetadata = netip.MustParseAddr("fd00:ec2::254")
