package vknode

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certutil "k8s.io/client-go/util/cert"
)

// freePort is one that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runServers runs a node with its servers, on the real clock, until the test ends.
func runServers(t *testing.T, cfg Config, c *cloud) *Node {
	t.Helper()
	api := newAPIServer()
	return runNode(t, cfg, clients{api, api, api, api}, c, c)
}

// runNode does so with a provider p around c.
func runNode(t *testing.T, cfg Config, api clients, c *cloud, p Provider) *Node {
	t.Helper()
	n, err := newNode(cfg, api)
	if err != nil {
		t.Fatal(err)
	}
	c.pods = n.Pods()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return n
}

func serversConfig(t *testing.T) Config {
	cfg := testConfig()
	cfg.Node.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}, {Type: corev1.NodeHostName, Address: "vk"}}
	cfg.KubeletAddress, cfg.MetricsAddress = freePort(t), freePort(t)
	return cfg
}

func dial(t *testing.T, address string) *x509.Certificate {
	t.Helper()
	var conn *tls.Conn
	var err error
	for range 100 { // until it listens
		if conn, err = tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServers(t *testing.T) {
	cfg, c := serversConfig(t), newCloud()
	c.recovered = make(chan struct{})
	n := runServers(t, cfg, c)

	cert := dial(t, cfg.KubeletAddress)
	for _, name := range []string{"127.0.0.1", "vk"} {
		if err := cert.VerifyHostname(name); err != nil {
			t.Errorf("the self-made certificate: %v", err)
		}
	}
	for _, path := range []string{"/", "/pods", "/exec/default/web/main", "/healthz", "/metrics"} {
		if code, _ := get(t, "https://"+cfg.KubeletAddress+path); code != http.StatusUnauthorized {
			t.Errorf("kubelet port, %s: %d", path, code)
		}
	}

	health := "http://" + cfg.MetricsAddress
	if code, body := get(t, health+"/healthz"); code != http.StatusOK {
		t.Errorf("healthz while AWS is down: %d %s", code, body)
	}
	if code, body := get(t, health+"/readyz"); code != http.StatusServiceUnavailable || !strings.HasPrefix(body, "starting: waiting for") {
		t.Errorf("readyz before recovery: %d %s", code, body)
	}
	close(c.recovered)
	<-n.Ready()
	if code, body := get(t, health+"/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	_, metrics := get(t, health+"/metrics")
	for _, queue := range []string{"sync_pods", "delete_pods", "sync_status"} {
		if want := `virtual_kubelet_pod_queue_length{queue="` + queue + `"} 0`; !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s:\n%s", want, metrics)
		}
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	cfg := serversConfig(t)
	dir := t.TempDir()
	cfg.CertFile, cfg.KeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write := func(name string) {
		t.Helper()
		cert, key, err := certutil.GenerateSelfSignedCertKey(name, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string][]byte{cfg.CertFile: cert, cfg.KeyFile: key} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("first")
	runServers(t, cfg, newCloud())
	shown := []string{dial(t, cfg.KubeletAddress).DNSNames[0]}
	write("second-with-another-length")
	shown = append(shown, dial(t, cfg.KubeletAddress).DNSNames[0])
	if err := os.Remove(cfg.KeyFile); err != nil {
		t.Fatal(err)
	}
	shown = append(shown, dial(t, cfg.KubeletAddress).DNSNames[0])
	if diff := cmp.Diff([]string{"first", "second-with-another-length", "second-with-another-length"}, shown); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRunRefusesAtStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		why  string
		edit func(*Config)
		want []string // in the message
	}{
		"the kubelet port is taken": {
			why:  "the usual cause is a kubelet on the same machine, and the way out is a setting",
			edit: func(c *Config) { c.KubeletAddress = taken.Addr().String() },
			want: []string{taken.Addr().String(), "a kubelet runs on this machine", "KUBELET_PORT"},
		},
		"the metrics address is taken": {
			why:  "the message must not speak of the kubelet port",
			edit: func(c *Config) { c.MetricsAddress = taken.Addr().String() },
			want: []string{"metrics address", taken.Addr().String()},
		},
		"the certificate does not exist": {
			why:  "a node without its kubelet port looks well until someone wants logs",
			edit: func(c *Config) { c.CertFile, c.KeyFile = "/nowhere/crt", "/nowhere/key" },
			want: []string{"/nowhere/crt", "no such file"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, api := serversConfig(t), newAPIServer()
			c.edit(&cfg)
			n, err := newNode(cfg, clients{api, api, api, api})
			if err != nil {
				t.Fatal(err)
			}
			err = n.Run(t.Context(), newCloud())
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %q lacks %q", c.why, err, want)
				}
			}
		})
	}
}

func TestRunEndsSoonAndLeavesAllAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.node.runAll(ctx, w.node.control(w.cloud, 10250)) }()
		time.Sleep(time.Second)
		pod := w.api.createPod(t, "web")
		w.waitFor("web", "running")
		for _, verb := range []string{"get", "update", "create"} { // the lease controller's long sleep
			w.api.setRefused(verb+" leases", context.DeadlineExceeded)
		}
		time.Sleep(time.Minute)
		start := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if w.node.alive() == nil {
			t.Error("healthy, though the pod controller has ended")
		}
		if w.stored() == nil || w.api.pod("web").Status.Phase != corev1.PodRunning || w.cloud.state(pod.UID) != "running" {
			t.Error("node, pod or task is not as it was")
		}
		for _, a := range w.api.Actions() {
			if a.GetVerb() == "delete" {
				t.Errorf("%s %s", a.GetVerb(), a.GetResource().Resource)
			}
		}
		time.Sleep(time.Minute)
	})
}

func TestRecoverErrorEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		err := w.node.runAll(t.Context(), w.node.control(failingRecovery{w.cloud}, 10250))
		if err == nil || err.Error() != "recover: no such cluster" {
			t.Errorf("Run: %v", err)
		}
		time.Sleep(time.Minute)
	})
}

type failingRecovery struct{ *cloud }

func (failingRecovery) Recover(context.Context) error { return errors.New("no such cluster") }

func TestSecretsAndConfigMapsAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(true)
		w.api.createPod(t, "web")
		w.waitFor("web", "running")
		for _, a := range w.api.Actions() {
			if slices.Contains([]string{"secrets", "configmaps"}, a.GetResource().Resource) {
				t.Errorf("%s %s: rights that this node does not need", a.GetVerb(), a.GetResource().Resource)
			}
		}
	})
}

func TestObservedFollowsTheAPIServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old := w.api.createPod(t, "old")
		w.start(true)
		w.api.edit(t, "old", func(pod *corev1.Pod) {
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: "example.com/gate", Status: "True"})
		})
		time.Sleep(time.Second)
		synctest.Wait()
		first, last := "default/old/"+old.ResourceVersion, "default/old/"+w.api.pod("old").ResourceVersion
		if w.cloud.observed[0] != first || w.cloud.observed[len(w.cloud.observed)-1] != last {
			t.Errorf("observed %v, want %s ... %s", w.cloud.observed, first, last)
		}
	})
}

func TestAnEndedPodStaysEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(true)
		w.api.createPod(t, "job")
		w.waitFor("job", "running")
		pod := w.api.pod("job")
		pod.Status.Phase = corev1.PodSucceeded
		w.cloud.send(pod)
		synctest.Wait()
		pod = pod.DeepCopy()
		pod.Status.Phase = corev1.PodRunning
		w.cloud.send(pod)
		time.Sleep(time.Second)
		w.cloud.send(pod)
		time.Sleep(time.Second)
		if got := w.api.pod("job").Status.Phase; got == corev1.PodRunning {
			t.Errorf("phase %s", got)
		}
	})
}

func TestLatestPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start(true)
		created := w.api.createPod(t, "web")
		time.Sleep(time.Second)
		latest := newLatestPods(w.node.Pods())
		at := func(version string) *corev1.Pod {
			return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: created.UID, ResourceVersion: version}}
		}
		version := func() string {
			pod, err := latest.get("default", "web")
			if err != nil {
				t.Fatal(err)
			}
			return pod.ResourceVersion
		}
		cached := w.api.pod("web").ResourceVersion
		got := []string{version()}
		latest.wrote(at("1000"))
		got = append(got, version())
		latest.cached(at("999"))
		got = append(got, version())
		latest.cached(at("1000"))
		got = append(got, version())
		latest.wrote(at("1"))
		got = append(got, version())
		latest.wrote(at("2000"))
		latest.gone(created.UID)
		got = append(got, version())
		if diff := cmp.Diff([]string{cached, "1000", "1000", cached, cached, cached}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestAQuietCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var out bytes.Buffer
		w.node.cfg.Log = slog.New(slog.NewJSONHandler(&out, nil))
		w.start(true)
		w.api.createPod(t, "web")
		w.waitFor("web", "running")
		patches := w.api.count("patch", "pods", "status")
		w.cloud.send(w.api.pod("web"))
		w.cloud.send(w.api.pod("web"))
		time.Sleep(time.Minute)
		if n := w.api.count("patch", "pods", "status") - patches; n != 0 {
			t.Errorf("%d writes for a status that has not changed", n)
		}
		if n := w.api.count("update", "pods", "status"); n != 0 {
			t.Errorf("%d whole statuses put", n)
		}
		if n := w.api.count("create", "events", ""); n != 0 {
			t.Errorf("%d events about our own calls", n)
		}
		w.goes("web", 30)
		synctest.Wait()
		var lines []string
		for line := range strings.Lines(out.String()) {
			var entry struct{ Msg string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, entry.Msg)
		}
		if diff := cmp.Diff([]string{"node registered", "taking pods"}, lines); diff != "" {
			t.Errorf("the log at info (-want +got):\n%s", diff)
		}
	})
}
