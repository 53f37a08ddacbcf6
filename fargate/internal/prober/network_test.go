package prober

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// onLoopback is a network that may go where the tests listen.
func onLoopback() *network {
	return newNetwork(Config{Version: "1.36", Dial: (&net.Dialer{}).DialContext})
}

// patient is a timeout that no test waits for.
const patient = 60

func httpProbe(get corev1.HTTPGetAction) target {
	return probeOf(corev1.ProbeHandler{HTTPGet: &get})
}

func probeOf(handler corev1.ProbeHandler) target {
	return target{uid: "uid", kind: Readiness, ip: "127.0.0.1", container: &corev1.Container{Name: "web"},
		probe: &corev1.Probe{ProbeHandler: handler, TimeoutSeconds: patient}}
}

func portAt(address string) intstr.IntOrString {
	_, port, _ := net.SplitHostPort(address)
	return intstr.FromString(port)
}

// free is a port of loopback that nobody listens on.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestRefusals(t *testing.T) {
	port := free(t)
	n := onLoopback()
	for name, c := range map[string]struct {
		target target
		want   string
	}{
		"http": {httpProbe(corev1.HTTPGetAction{Port: intstr.FromString(port), Path: "/up"}), `Readiness probe failed: Get "http://127.0.0.1:` + port + `/up": dial tcp 127.0.0.1:` + port + `: connect: connection refused`},
		"tcp":  {probeOf(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString(port)}}), `Readiness probe failed: dial tcp 127.0.0.1:` + port + `: connect: connection refused`},
	} {
		got := n.probe(t.Context(), c.target)
		if diff := cmp.Diff(outcome{verdict: failure, message: c.want}, got, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s: a refusal is an answer (-want +got):\n%s", name, diff)
		}
	}
}

func TestTCPAsksForAConnectionAndNoMore(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	target := probeOf(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: portAt(l.Addr().String())}})
	if got := onLoopback().probe(t.Context(), target); got != (outcome{verdict: success}) {
		t.Errorf("got %v", got)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadByte(); err != io.EOF {
		t.Errorf("the connection gave %v, want its end", err)
	}
}

func TestPorts(t *testing.T) {
	c := &corev1.Container{Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}, {Name: "9", ContainerPort: 9090}}}
	for _, row := range []struct {
		port intstr.IntOrString
		want int
		err  string
	}{
		{intstr.FromInt32(80), 80, ""},
		{intstr.FromString("web"), 8080, ""},
		{intstr.FromString("81"), 81, ""},  // a number as text
		{intstr.FromString("9"), 9090, ""}, // which may be a name
		{intstr.FromString("wbe"), 0, `the container has no port "wbe"`},
		{intstr.FromInt32(0), 0, `the container has no port "0"`},
		{intstr.FromInt32(65536), 0, `the container has no port "65536"`},
	} {
		got, err := portOf(row.port, c)
		if got != row.want || (err == nil) != (row.err == "") || err != nil && err.Error() != row.err {
			t.Errorf("%v: got %d, %v; want %d, %s", row.port, got, err, row.want, row.err)
		}
	}
	got := onLoopback().probe(t.Context(), httpProbe(corev1.HTTPGetAction{Port: intstr.FromString("wbe")}))
	want := outcome{message: `Readiness probe errored and resulted in unknown state: the container has no port "wbe"`}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNoProbeReachesTheNodeItself(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer server.Close()
	port := portAt(server.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "::1", "::ffff:127.0.0.1"} {
		get := corev1.HTTPGetAction{Host: host, Port: port}
		got := newNetwork(Config{}).probe(t.Context(), httpProbe(get))
		if got.verdict != failure || !strings.Contains(got.message, "belongs to the node") || got.unreached {
			t.Errorf("%s: got %v", host, got)
		}
	}
	for _, address := range []string{"169.254.169.254:80", "169.254.170.2:80", "[fd00:ec2::254]:80", "[fe80::1%eth0]:80", "224.0.0.1:80"} {
		if err := admit("tcp", address, nil); err == nil {
			t.Errorf("%s was admitted", address)
		}
	}
}

// The node's port of metrics, for one, listens on all of its addresses.
func TestNoProbeReachesTheNodeByItsAddressInTheNetwork(t *testing.T) {
	var own []net.Addr
	for _, text := range []string{"10.0.0.4/24", "fd00:1::4/64"} {
		ip, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, &net.IPNet{IP: ip, Mask: network.Mask})
	}
	for address, isNode := range map[string]bool{
		"10.0.0.4": true, "fd00:1::4": true,
		"10.0.0.5": false, "fd00:1::5": false, // pods in the node's own subnet
		"198.18.0.7": false, "8.8.8.8": false,
	} {
		if got := isNodes(netip.MustParseAddr(address), own); got != isNode {
			t.Errorf("%s: got %v", address, got)
		}
	}
	this, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range this {
		address := net.JoinHostPort(a.(*net.IPNet).IP.String(), "10255")
		if err := admit("tcp", address, nil); err == nil {
			t.Errorf("%s is an address of this machine, and was admitted", address)
		}
	}
}
