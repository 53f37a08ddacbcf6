package prober_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/prober"
)

// hooked is a pod whose container has this postStart hook, and is probed for readiness.
func hooked(handler corev1.LifecycleHandler) *corev1.Pod {
	pod := podOf(nil, nil, get("/ready", 5))
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: &handler}
	return pod
}

func getHook(path string) corev1.LifecycleHandler {
	return corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(80)}}
}

var ready = prober.Results{"web": {Started: true, Ready: true}}

func TestPostStartComesBeforeTheProbesAndOnce(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.set("/begin", ill) // any status will do
		pod, container := hooked(getHook("/begin")), running("1")
		same(t, "at first", prober.Results{"web": {}}, p.Watch(pod, container))
		after(time.Second)
		p.Watch(pod, container)
		after(5 * time.Second)
		same(t, "asked", []string{"0s /begin", "0s /ready", "5s /ready"}, fake.since())
		same(t, "then", ready, p.Results("uid"))
		events, changes := h.since()
		same(t, "told", []string(nil), events)
		same(t, "changes: it has started, it is ready", 2, changes)
		p.Watch(pod, running("2"))
		after(0)
		same(t, "asked of another container", []string{"0s /begin", "0s /ready"}, fake.since())
	})
}

func TestPostStartThatWasDoneIsNotDoneAgain(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		container := running("1")
		container.Containers["web"] = prober.Container{ID: "1", StartedAt: time.Now(), Started: true, Ready: true}
		same(t, "at once", ready, p.Watch(hooked(getHook("/begin")), container))
		after(0)
		same(t, "asked", []string{"0s /ready"}, fake.since())
	})
}

func TestPostStartThatSleepsSleepsFromTheStart(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		container := running("1")
		container.Containers["web"] = prober.Container{ID: "1", StartedAt: time.Now().Add(-20 * time.Second)}
		p.Watch(hooked(corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 30}}), container)
		after(9 * time.Second)
		same(t, "until then", prober.Results{"web": {}}, p.Results("uid"))
		after(time.Second)
		same(t, "asked", []string{"10s /ready"}, fake.since())
		same(t, "then", ready, p.Results("uid"))
	})
}

func TestPostStartThatFails(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		fake.setHost("10.0.0.1:80", closed)
		pod := hooked(getHook("/begin?token=secret"))
		p.Watch(pod, running("1"))
		after(time.Minute)
		same(t, "failed", prober.Results{"web": {Failed: &prober.Failure{Kind: prober.PostStart, Message: "PostStartHook failed"}}}, p.Results("uid"))
		events, changes := h.since()
		same(t, "told", []string{"web FailedPostStartHook: PostStartHook failed"}, events)
		same(t, "changes", 1, changes)
		fake.setHost("10.0.0.1:80", well)
		p.Watch(pod, running("2"))
		after(0)
		same(t, "the next container", ready, p.Results("uid"))
	})
}

func TestPostStartOfAPodThatEnds(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, h *heard) {
		pod, ending := hooked(getHook("/begin")), running("1")
		ending.Ending = true
		p.Watch(pod, ending)
		after(time.Minute)
		same(t, "it does not begin any more", []string(nil), fake.since())
		fake.set("/begin", hung)
		p.Watch(pod, running("2"))
		after(time.Minute)
		same(t, "it is under way", 1, fake.underway())
		p.Forget("uid")
		after(0)
		same(t, "it is given up", 0, fake.underway())
		events, _ := h.since()
		same(t, "told", []string(nil), events)
	})
}

func TestCall(t *testing.T) {
	mux := http.NewServeMux()
	var mu sync.Mutex // guards asked
	var asked []string
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Header.Get("User-Agent")+" "+r.Host+" "+r.URL.String()+" "+r.Header.Get("X-Key")+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusInternalServerError)
	})
	plain, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer secure.Close()
	port := func(server *httptest.Server) intstr.IntOrString {
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		return intstr.Parse(port)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	closed := intstr.FromInt32(int32(free.Addr().(*net.TCPAddr).Port))
	for why, c := range map[string]struct {
		handler corev1.LifecycleHandler
		asked   []string
		events  []string
		fails   string
	}{
		"headers are those of the hook, and the port has a name": {
			corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/end?now", Port: intstr.FromString("http"), HTTPHeaders: []corev1.HTTPHeader{{Name: "X-Key", Value: "k"}, {Name: "Host", Value: "web"}}}},
			[]string{"kube-lifecycle/1.36 web /end?now k"}, nil, ""},
		"any certificate will do": {
			corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: port(secure), Scheme: corev1.URISchemeHTTPS, HTTPHeaders: []corev1.HTTPHeader{{Name: "Host", Value: "web"}}}},
			[]string{"kube-lifecycle/1.36 web / "}, nil, ""},
		"HTTPS falls back to HTTP, without credentials": {
			corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: port(plain), Scheme: corev1.URISchemeHTTPS, HTTPHeaders: []corev1.HTTPHeader{{Name: "Host", Value: "web"}, {Name: "Authorization", Value: "k"}}}},
			[]string{"kube-lifecycle/1.36 web / "}, []string{"web LifecycleHTTPFallback: request to HTTPS lifecycle hook HOST got HTTP response, retry with HTTP succeeded"}, ""},
		"nobody listens":               {corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Port: closed}}, nil, nil, "connection refused"},
		"a port that nothing has":      {corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("none")}}, nil, nil, `no port "none"`},
		"a connection":                 {corev1.LifecycleHandler{TCPSocket: &corev1.TCPSocketAction{Port: port(plain)}}, nil, nil, ""},
		"a connection that is refused": {corev1.LifecycleHandler{TCPSocket: &corev1.TCPSocketAction{Port: closed}}, nil, nil, "connection refused"},
	} {
		t.Run(why, func(t *testing.T) {
			mu.Lock()
			asked = nil
			mu.Unlock()
			h := &heard{}
			p := prober.New(prober.Config{Dial: (&net.Dialer{}).DialContext, Event: h.Event, Version: "1.36"})
			container := &corev1.Container{Name: "web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port(plain).IntVal}}}
			err := p.Call(t.Context(), prober.Hook{UID: "uid", IP: "127.0.0.1", Container: container, Handler: &c.handler})
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
			mu.Lock()
			same(t, "asked", c.asked, asked)
			mu.Unlock()
			events, _ := h.since()
			for i := range events {
				events[i] = strings.Replace(events[i], plain.Listener.Addr().String(), "HOST", 1)
			}
			same(t, "told", c.events, events)
		})
	}
}

// A hook whose handler answers before its work is done is done when the answer ends.
func TestCallLastsUntilTheAnswerEnds(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		for how, want := range map[behaviour]time.Duration{well: 0, late: lateBy, large: 0} {
			fake.set("/end", how)
			began, handler := time.Now(), getHook("/end")
			err := p.Call(context.Background(), prober.Hook{IP: "10.0.0.1", Container: &corev1.Container{}, Handler: &handler})
			if took := time.Since(began); err != nil || took != want {
				t.Errorf("%d: %v after %s, want %s", how, err, took, want)
			}
			after(0)
		}
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	probing(t, func(fake *fakeNetwork, p *prober.Prober, _ *heard) {
		fake.set("/end", hung)
		fake.set("/late", late)
		for why, handler := range map[string]corev1.LifecycleHandler{"sleep": {Sleep: &corev1.SleepAction{Seconds: 60}}, "get": getHook("/end"), "answer": getHook("/late")} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // of the bubble
			err := p.Call(ctx, prober.Hook{IP: "10.0.0.1", Container: &corev1.Container{}, Handler: &handler, Since: began})
			cancel()
			if took := time.Since(began); err == nil || took != 5*time.Second {
				t.Errorf("%s: %v after %s", why, err, took)
			}
			after(lateBy) // until nobody is left to answer
		}
	})
}
