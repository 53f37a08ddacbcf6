package vknode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
)

// logsProvider is a cloud with logs.
type logsProvider struct {
	*cloud
	open func(ctx context.Context, o *corev1.PodLogOptions) (io.Reader, error)
}

func (p logsProvider) ContainerLogs(ctx context.Context, _, _, _ string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	r, err := p.open(ctx, o)
	if err != nil {
		return nil, err
	}
	if closer, ok := r.(io.ReadCloser); ok {
		return closer, nil
	}
	return io.NopCloser(r), nil
}

func text(s string) func(context.Context, *corev1.PodLogOptions) (io.Reader, error) {
	return func(context.Context, *corev1.PodLogOptions) (io.Reader, error) { return strings.NewReader(s), nil }
}

// failing reads what there is, and then err.
type failing struct {
	io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = f.err
	}
	return n, err
}

func TestContainerLogs(t *testing.T) {
	open := func(r io.Reader, err error) func(context.Context, *corev1.PodLogOptions) (io.Reader, error) {
		return func(context.Context, *corev1.PodLogOptions) (io.Reader, error) { return r, err }
	}
	var current logsProvider
	d := newDoorstep(t, serversConfig(t), func(c *cloud) Provider {
		current.cloud = c
		return &current
	})
	d.reviews.set("ann", "get nodes/vk/proxy")
	d.api.createPod(t, "two", func(pod *corev1.Pod) {
		pod.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "busybox"}}
	})
	eventually(t, "the node knows the pod", func() bool {
		_, err := d.node.Pods().Pods("default").Get("two")
		return err == nil
	})
	ann := newCaller(t, "token-of-ann")
	for name, c := range map[string]struct {
		why  string
		path string // after /containerLogs/default; "": /web/main
		open func(context.Context, *corev1.PodLogOptions) (io.Reader, error)
		want string // status and body
	}{
		"a log": {
			why: "the plain case", open: text("one\ntwo\n"), want: "200 one\ntwo\n"},
		"an empty log": {
			why: "having said nothing is no error", open: text(""), want: "200 "},
		"an init container's": {
			why: "they have logs too", path: "/two/first", open: text("one\n"), want: "200 one\n"},
		"no such pod": {
			why: "the kubelet's words", path: "/missing/main", want: "404 pod \"missing\" does not exist\n"},
		"no such container": {
			why: "the kubelet's words", path: "/web/missing", want: "404 container \"missing\" not found in pod \"web\"\n"},
		"a contradiction": {
			why: "nobody is asked for what makes no sense", path: "/web/main?sinceSeconds=1&sinceTime=2026-01-02T03:04:05Z",
			want: "400 []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified\n"},
		"a container that waits": {
			why: "the client asked too early", open: open(nil, errdefs.InvalidInput(`container "main" in pod "web" is waiting to start: ContainerCreating`)),
			want: "400 container \"main\" in pod \"web\" is waiting to start: ContainerCreating\n"},
		"a log that is gone": {
			why: "another thing than an empty one", open: open(nil, errdefs.NotFound("the log group vk does not exist")),
			want: "404 the log group vk does not exist\n"},
		"trouble behind": {
			why: "the text is all that kubectl shows", open: open(nil, errors.New("logs:GetLogEvents is denied")),
			want: "500 logs:GetLogEvents is denied\n"},
		"trouble with the first read": {
			why: "nothing was sent yet, so it can still be told", open: open(failing{strings.NewReader(""), errdefs.NotFound("gone meanwhile")}, nil),
			want: "404 gone meanwhile\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.path == "" {
				c.path = "/web/main"
			}
			current.open = c.open
			code, body := d.ask(ann, http.MethodGet, "/containerLogs/default"+c.path)
			if diff := cmp.Diff(c.want, fmt.Sprint(code, " ", body)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", c.why, diff)
			}
		})
	}

	current.open = open(failing{strings.NewReader("half"), errors.New("broke")}, nil)
	resp, err := ann.open(t.Context(), http.MethodGet, "https://"+d.address+"/containerLogs/default/web/main")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if string(body) != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a log that broke off reads as %q, %v: who reads it must not take it for whole", body, err)
	}
}

func TestNoLogsFromAProviderWithoutAny(t *testing.T) {
	d := newDoorstep(t, serversConfig(t), nil)
	d.reviews.set("ann", "get nodes/vk/proxy")
	code, body := d.ask(newCaller(t, "token-of-ann"), http.MethodGet, "/containerLogs/default/web/main")
	if code != http.StatusNotImplemented || body != "this node cannot show what containers wrote\n" {
		t.Errorf("%d %s", code, body)
	}
}

// broadcast is a log that is being written, line by line, to all who follow.
type broadcast struct {
	mu        sync.Mutex // guards followers
	followers []chan string
	closed    atomic.Int64
}

func (b *broadcast) open(ctx context.Context, _ *corev1.PodLogOptions) (io.Reader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := make(chan string, 1)
	b.followers = append(b.followers, lines)
	return &follower{ctx: ctx, lines: lines, closed: &b.closed}, nil
}

func (b *broadcast) write(line string) (followers int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.followers {
		f <- line
	}
	return len(b.followers)
}

type follower struct {
	ctx    context.Context
	lines  chan string
	closed *atomic.Int64
}

func (f *follower) Read(p []byte) (int, error) {
	select {
	case line := <-f.lines:
		return copy(p, line), nil
	case <-f.ctx.Done():
		return 0, f.ctx.Err()
	}
}

func (f *follower) Close() error {
	f.closed.Add(1)
	return nil
}

func TestAHundredFollowers(t *testing.T) {
	const many = 100
	var log broadcast
	d := newDoorstep(t, serversConfig(t), func(c *cloud) Provider { return logsProvider{c, log.open} })
	d.reviews.set("ann", "get nodes/vk/proxy")
	ctx, leave := context.WithCancel(t.Context())
	heard := make(chan string)
	for range many {
		go func() {
			resp, err := newCaller(t, "token-of-ann").open(ctx, http.MethodGet, "https://"+d.address+"/containerLogs/default/web/main?follow=true")
			if err != nil {
				heard <- err.Error()
				return
			}
			defer resp.Body.Close()
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				heard <- lines.Text()
			}
			heard <- "end"
		}()
	}
	eventually(t, "all follow", func() bool {
		log.mu.Lock()
		defer log.mu.Unlock()
		return len(log.followers) == many
	})
	for _, line := range []string{"first", "second"} {
		log.write(line + "\n")
		for range many {
			if got := <-heard; got != line {
				t.Fatalf("heard %q, want %q, before the next line is written", got, line)
			}
		}
	}
	leave()
	for range many {
		if got := <-heard; got != "end" {
			t.Fatalf("heard %q after leaving", got)
		}
	}
	eventually(t, "all logs are closed", func() bool { return log.closed.Load() == many })
}

// endless is a log without end that counts how often it is read.
type endless struct {
	reads atomic.Int64
	done  atomic.Bool
}

func (e *endless) Read(p []byte) (int, error) {
	e.reads.Add(1)
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func (e *endless) Close() error {
	e.done.Store(true)
	return nil
}

// pipes is a listener whose connections hold nothing: what one end writes
// waits until the other has read it.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestASlowClientIsNotReadAheadOf serves a log to a client that takes it piece
// by piece: the log is read no further, however long the client takes.
func TestASlowClientIsNotReadAheadOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(true)
		w.api.createPod(t, "web")
		w.waitFor("web", "running")
		var log endless
		mux := http.NewServeMux()
		mux.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", w.node.containerLogs(logsProvider{w.cloud,
			func(context.Context, *corev1.PodLogOptions) (io.Reader, error) { return &log, nil }}))
		listener := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- serve(ctx, listener, mux, w.node.cfg.Log) }()
		client, server := net.Pipe()
		listener.accept <- server
		fmt.Fprint(client, "GET /containerLogs/default/web/main HTTP/1.1\r\nHost: vk\r\n\r\n")

		synctest.Wait()
		if got := log.reads.Load(); got != 1 {
			t.Errorf("read %d times for a client that has taken nothing", got)
		}
		resp, err := http.ReadResponse(bufio.NewReaderSize(client, 16), nil)
		if err != nil {
			t.Fatal(err)
		}
		for taken := int64(1); taken <= 5; taken++ {
			if _, err := io.CopyN(io.Discard, resp.Body, logChunk); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := log.reads.Load(); got > taken+1 {
				t.Errorf("read %d times for a client that has taken %d pieces", got, taken)
			}
		}
		client.Close()
		synctest.Wait()
		if !log.done.Load() {
			t.Error("the log is still read, though the client has gone")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
