package prober

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestHTTPAnswers(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "a body that nobody is to read")
	})
	mux.Handle("/away", http.RedirectHandler("http://0.0.0.0/", http.StatusFound))
	mux.Handle("/here", http.RedirectHandler("/status/204", http.StatusFound))
	mux.Handle("/here-and-bad", http.RedirectHandler("/status/500", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	mux.HandleFunc("/query", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "verbose" {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/long-away", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://elsewhere/")
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, strings.Repeat("\xff", 1<<20))
	})
	for path, want := range map[string]outcome{
		"/status/200":    {verdict: success},
		"/status/399":    {verdict: success, message: "Readiness probe warning: Probe terminated redirects, Response body: a body that nobody is to read"},
		"/status/400":    {verdict: failure, message: "Readiness probe failed: HTTP probe failed with statuscode: 400"},
		"/status/500":    {verdict: failure, message: "Readiness probe failed: HTTP probe failed with statuscode: 500"},
		"/here":          {verdict: success},
		"/here-and-bad":  {verdict: failure, message: "Readiness probe failed: HTTP probe failed with statuscode: 500"},
		"/away":          {verdict: success, message: "Readiness probe warning: Probe terminated redirects, Response body: <a href=\"http://0.0.0.0/\">Found</a>.\n\n"},
		"/round":         {verdict: failure, message: `Readiness probe failed: Get "/round": stopped after 10 redirects`},
		"/query?verbose": {verdict: success},
		"/long":          {verdict: success},
		"/long-away":     {verdict: success, message: "Readiness probe warning: Probe terminated redirects, Response body: \uFFFD"},
	} {
		got := onLoopback().probe(t.Context(), httpProbe(corev1.HTTPGetAction{Path: path, Port: portAt(server.Listener.Addr().String())}))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestHTTPRequests(t *testing.T) {
	var heard http.Header
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard, host = r.Header, r.Host }))
	defer server.Close()
	address := server.Listener.Addr().String()
	for name, c := range map[string]struct {
		reason  string
		headers []corev1.HTTPHeader
		want    http.Header
		host    string
	}{
		"none":      {"servers tell probes by their user agent", nil, http.Header{"User-Agent": {"kube-probe/1.36"}, "Accept": {"*/*"}, "Connection": {"close"}}, address},
		"its own":   {"as given, and as often", []corev1.HTTPHeader{{Name: "x-a", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "User-Agent", Value: "me"}, {Name: "accept", Value: "text/html"}}, http.Header{"User-Agent": {"me"}, "Accept": {"text/html"}, "X-A": {"1", "2"}, "Connection": {"close"}}, address},
		"virtual":   {"Host is the name of a virtual host", []corev1.HTTPHeader{{Name: "Host", Value: "shop.example"}}, http.Header{"User-Agent": {"kube-probe/1.36"}, "Accept": {"*/*"}, "Connection": {"close"}}, "shop.example"},
		"no accept": {"empty is the way to send none", []corev1.HTTPHeader{{Name: "Accept"}}, http.Header{"User-Agent": {"kube-probe/1.36"}, "Connection": {"close"}}, address},
	} {
		got := onLoopback().probe(t.Context(), httpProbe(corev1.HTTPGetAction{Port: portAt(address), HTTPHeaders: c.headers}))
		delete(heard, "Host")
		if diff := cmp.Diff(c.want, heard); diff != "" || host != c.host || got.verdict != success {
			t.Errorf("%s: %s: %v, host %s, want %s (-want +got):\n%s", name, c.reason, got, host, c.host, diff)
		}
	}
}

func TestHTTPSDoesNotAskWhoItIs(t *testing.T) {
	var protocol string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { protocol = r.Proto }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	get := corev1.HTTPGetAction{Scheme: corev1.URISchemeHTTPS, Port: portAt(server.Listener.Addr().String())}
	if got := onLoopback().probe(t.Context(), httpProbe(get)); got.verdict != success || protocol != "HTTP/2.0" {
		t.Errorf("%v by %s", got, protocol)
	}
}

func TestAProxyOfTheDaemonIsNotAsked(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	if n := onLoopback(); n.transport.Proxy != nil {
		t.Error("the transport has a proxy")
	}
}

func TestAnAnswerThatBreaksOffCountsForNothing(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "ten bytes.")
	}))
	defer server.Close()
	got := onLoopback().probe(t.Context(), httpProbe(corev1.HTTPGetAction{Port: portAt(server.Listener.Addr().String())}))
	want := outcome{message: "Readiness probe errored and resulted in failure state: unexpected EOF"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" || asked != tries {
		t.Errorf("asked %d times, want %d (-want +got):\n%s", asked, tries, diff)
	}
}

func TestURLs(t *testing.T) {
	for _, row := range []struct {
		scheme corev1.URIScheme
		path   string
		want   string
	}{
		{"", "", "http://10.0.0.1:80"},
		{corev1.URISchemeHTTP, "up", "http://10.0.0.1:80/up"},
		{corev1.URISchemeHTTPS, "/up?deep=1", "https://10.0.0.1:80/up?deep=1"},
		{"", "?deep", "http://10.0.0.1:80?deep"},
		{"", "/100%", "http://10.0.0.1:80/100%25"},
		{"", "http://elsewhere/up", "http://10.0.0.1:80/up"}, // a path goes to the host of the probe, whatever it says
	} {
		if got := urlOf(&corev1.HTTPGetAction{Scheme: row.scheme, Path: row.path}, "10.0.0.1:80"); got != row.want {
			t.Errorf("%s %q: got %s, want %s", row.scheme, row.path, got, row.want)
		}
	}
}

// BenchmarkHTTP is what one probe costs the daemon, and here the application too.
func BenchmarkHTTP(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	n, target := onLoopback(), httpProbe(corev1.HTTPGetAction{Port: portAt(server.Listener.Addr().String())})
	b.ReportAllocs()
	for b.Loop() {
		if got := n.probe(b.Context(), target); got.verdict != success {
			b.Fatal(got)
		}
	}
}
