package prober_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

// behaviour is how an application answers.
type behaviour int

const (
	well   behaviour = iota // 200
	ill                     // 500
	late                    // 200, whose body ends late
	large                   // 200, whose body is large and does not end
	hung                    // it takes the connection and says nothing
	closed                  // nobody listens
	absent                  // nothing is there: the network is silent
)

const lateBy = 7 * time.Second

// fakeNetwork holds applications by what they are asked, "10.0.0.1:80/ready", and answers as they do.
type fakeNetwork struct {
	mu     sync.Mutex // guards all below
	apps   map[string]behaviour
	byHost map[string]behaviour // closed and absent, by address
	asked  []string             // "3s /ready", since the last time this was read
	from   time.Time
	open   int // connections, and dials under way
}

func (f *fakeNetwork) set(path string, how behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apps[path] = how
}

func (f *fakeNetwork) setHost(address string, how behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byHost[address] = how
}

// since are the requests since the last time this was read, with their time since then.
func (f *fakeNetwork) since() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked, f.from = nil, time.Now()
	return asked
}

func (f *fakeNetwork) enter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open += n
}

func (f *fakeNetwork) underway() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

func (f *fakeNetwork) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	f.enter(1)
	defer f.enter(-1)
	f.mu.Lock()
	how := f.byHost[address]
	f.mu.Unlock()
	fault := func(err error) error {
		host, port, _ := net.SplitHostPort(address)
		there, _ := net.ResolveTCPAddr(network, net.JoinHostPort(host, port))
		return &net.OpError{Op: "dial", Net: network, Addr: there, Err: err}
	}
	switch how {
	case absent:
		<-ctx.Done()
		return nil, fault(os.ErrDeadlineExceeded)
	case closed:
		return nil, fault(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	ours, theirs := net.Pipe()
	go f.serve(theirs)
	return ours, nil
}

func (f *fakeNetwork) serve(conn net.Conn) {
	f.enter(1)
	defer f.enter(-1)
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.asked = append(f.asked, fmt.Sprintf("%v %s", time.Since(f.from), request.URL.Path))
	how := f.apps[request.URL.Path]
	f.mu.Unlock()
	switch how {
	case hung:
		_, _ = in.ReadByte() // until the other end gives up
	case late:
		_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nworking")
		time.Sleep(lateBy)
		_, _ = fmt.Fprint(conn, " done")
	case large:
		_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n")
		_, _ = in.ReadByte() // until the other end gives up
	case ill:
		_, _ = fmt.Fprint(conn, "HTTP/1.1 500 Ill\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	default:
		_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}
}

// heard is what a caller was told, oldest first.
type heard struct {
	mu     sync.Mutex // guards all below
	events []string   // "web Unhealthy: ..."
	change int        // how often results changed
}

func (h *heard) Event(e prober.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	unreached := map[bool]string{true: " (unreached)"}[e.Unreached]
	h.events = append(h.events, fmt.Sprintf("%s %s: %s%s", e.Container, e.Reason, e.Message, unreached))
}

func (h *heard) Changed(types.UID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.change++
}

// since are the events and the number of changes since the last time this was read.
func (h *heard) since() ([]string, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	events, change := h.events, h.change
	h.events, h.change = nil, 0
	return events, change
}

// probing runs a story beside a Prober that has run for a day. The clock stands still while anybody works.
func probing(t *testing.T, story func(*fakeNetwork, *prober.Prober, *heard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake, h := &fakeNetwork{apps: map[string]behaviour{}, byHost: map[string]behaviour{}, from: time.Now()}, &heard{}
		p := prober.New(prober.Config{Dial: fake.Dial, Changed: h.Changed, Event: h.Event, Version: "1.36"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		after(24 * time.Hour)
		fake.since()
		story(fake, p, h)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run ended with %v", err)
		}
	})
}

// after lets time pass and everything that it starts come to rest.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// get is an httpGet probe of http://POD/path.
func get(path string, periodSeconds int32) *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: periodSeconds, ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(80)}}}
}

// podOf is a pod with one container, web, that has these probes.
func podOf(startup, liveness, readiness *corev1.Probe) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "uid", Name: "pod"}, Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Name: "web", StartupProbe: startup, LivenessProbe: liveness, ReadinessProbe: readiness},
	}}}
}

// running says that web runs since now, at 10.0.0.1.
func running(id string) prober.Running {
	return prober.Running{IP: "10.0.0.1", Containers: map[string]prober.Container{"web": {ID: id, StartedAt: time.Now()}}}
}
