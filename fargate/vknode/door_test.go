package vknode

import (
	"bufio"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	certutil "k8s.io/client-go/util/cert"
)

// TestDoor tries each route as everyone: those without a name, with a wrong
// one, without the right, with another right, and with each that suffices.
func TestDoor(t *testing.T) {
	d := newDoorstep(t, serversConfig(t), func(c *cloud) Provider { return logsProvider{c, text("hello\n")} })
	const logs = "/containerLogs/default/web/main"
	for name, c := range map[string]struct {
		why          string
		method, path string
		suffice      []string // sub-resources
		not          string   // a sub-resource that does not
		want         int
	}{
		"logs":          {why: "as at any kubelet, logs need the right to its whole API", path: logs, suffice: []string{"proxy"}, not: "log", want: 200},
		"pods":          {why: "a reader of pods needs no right to exec", path: "/pods", suffice: []string{"pods", "proxy"}, not: "stats", want: 200},
		"runningpods":   {why: "like pods", path: "/runningpods/", suffice: []string{"pods", "proxy"}, not: "metrics", want: 200},
		"without slash": {why: "the kubelet's router takes both", path: "/runningpods", suffice: []string{"pods", "proxy"}, not: "metrics", want: 200},
		"health":        {why: "probes need no right to exec", path: "/healthz", suffice: []string{"healthz", "proxy"}, not: "pods", want: 200},

		"nothing there":          {why: "what exists is told to those who may know", path: "/", suffice: []string{"proxy"}, not: "pods", want: 404},
		"exec":                   {why: "not served yet, and no hint of that to others", path: "/exec/default/web/main", suffice: []string{"proxy"}, not: "pods", want: 404},
		"metrics":                {why: "metrics-server has this right alone", path: "/metrics/resource", suffice: []string{"metrics"}, not: "proxy", want: 404},
		"stats":                  {why: "nodes/stats", path: "/stats/summary", suffice: []string{"stats"}, not: "proxy", want: 404},
		"the node's own logs":    {why: "nodes/log, in the singular", path: "/logs/messages", suffice: []string{"log"}, not: "proxy", want: 404},
		"much like metrics":      {why: "a prefix of a name is not a path below it", path: "/metricsandmore", suffice: []string{"proxy"}, not: "metrics", want: 404},
		"writing":                {why: "the verb is another", method: http.MethodPost, path: logs, suffice: []string{"proxy"}, not: "log", want: 405},
		"from metrics into logs": {why: "a small right must not become a great one on the way", path: "/metrics/.." + logs, suffice: []string{"proxy and metrics"}, not: "metrics", want: 200},
		"hidden slashes":         {why: "the route is sought by what was written", path: "/metrics/..%2fcontainerLogs/default/web/main", suffice: []string{"metrics"}, not: "proxy", want: 404},
	} {
		t.Run(name, func(t *testing.T) {
			if c.method == "" {
				c.method = http.MethodGet
			}
			verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create"}[c.method]
			expect := func(who string, token string, want int) {
				t.Helper()
				if got, body := d.ask(newCaller(t, token), c.method, c.path); got != want {
					t.Errorf("%s: %s: %d %s, want %d", c.why, who, got, body, want)
				}
			}
			expect("without a token", "", 401)
			expect("with a wrong token", "made-up", 401)
			expect("without a right", "token-of-nobody", 403)
			// A user for each, since the door keeps what it was answered.
			with := func(subresources string, node string) (token string) {
				user := strings.ReplaceAll(subresources+"-"+node+"-"+name, " ", "-")
				var rights []string
				for _, sub := range strings.Split(subresources, " and ") {
					rights = append(rights, verb+" nodes/"+node+"/"+sub)
				}
				d.reviews.set(user, rights...)
				return "token-of-" + user
			}
			expect("with the right to "+c.not, with(c.not, "vk"), 403)
			for _, enough := range c.suffice {
				expect("with the right to "+enough+" of another node", with(enough, "another"), 403)
				expect("with the right to "+enough, with(enough, "vk"), c.want)
			}
		})
	}
}

func TestDoorAsksOnceAWhile(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		door DoorConfig
		want []string // asked by two requests in a row
	}{
		"answers are kept": {
			why:  "100 followers must not be 200 questions",
			want: []string{"who bears token-of-ann", "may ann get nodes/vk/pods", "may ann get nodes/vk/proxy"},
		},
		"answers are not kept": {
			why:  "less than 0 is for who wants each change at once",
			door: DoorConfig{TokenTTL: -1, AllowTTL: -1, DenyTTL: -1},
			want: []string{
				"who bears token-of-ann", "may ann get nodes/vk/pods", "may ann get nodes/vk/proxy",
				"who bears token-of-ann", "may ann get nodes/vk/pods", "may ann get nodes/vk/proxy"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := serversConfig(t)
			cfg.Door = c.door
			d := newDoorstep(t, cfg, nil)
			d.reviews.set("ann", "get nodes/vk/proxy")
			for range 2 {
				if code, body := d.ask(newCaller(t, "token-of-ann"), http.MethodGet, "/pods"); code != 200 {
					t.Errorf("%d %s", code, body)
				}
			}
			if diff := cmp.Diff(c.want, d.reviews.takeAsked()); diff != "" {
				t.Errorf("%s: -want +got:\n%s", c.why, diff)
			}
		})
	}
}

func TestDoorSaysWhoWasRefused(t *testing.T) {
	d := newDoorstep(t, serversConfig(t), nil)
	_, body := d.ask(newCaller(t, "token-of-bob"), http.MethodGet, "/pods")
	if want := "Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[pods proxy])\n"; body != want {
		t.Errorf("%q, want the kubelet's %q", body, want)
	}
}

// TestDoorWithoutAnswers: what the API server does not decide is not allowed.
func TestDoorWithoutAnswers(t *testing.T) {
	for question, want := range map[string]int{"tokenreviews": 401, "subjectaccessreviews": 500} {
		t.Run(question, func(t *testing.T) {
			d := newDoorstep(t, serversConfig(t), nil)
			d.reviews.set("ann", "get nodes/vk/proxy")
			d.reviews.setRefuses(question)
			if code, body := d.ask(newCaller(t, "token-of-ann"), http.MethodGet, "/pods"); code != want {
				t.Errorf("%d %s, want %d", code, body, want)
			}
		})
	}
}

func TestDoorTakesClientCertificates(t *testing.T) {
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	cfg := serversConfig(t)
	cfg.Door.ClientCAFile = filepath.Join(t.TempDir(), "ca.crt")
	trust := func(a authority) {
		t.Helper()
		pem, err := certutil.EncodeCertificates(a.cert)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cfg.Door.ClientCAFile, pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(ours)
	d := newDoorstep(t, cfg, nil)
	d.reviews.set("apiserver", "get nodes/vk/proxy")
	status := func(c caller) int {
		t.Helper()
		code, _ := d.ask(c, http.MethodGet, "/pods")
		return code
	}
	known, stranger := newCaller(t, "", ours.client(t, "apiserver")), newCaller(t, "", others.client(t, "apiserver"))
	both := newCaller(t, "token-of-apiserver", others.client(t, "someone"))
	got := map[string]int{
		"no certificate":                          status(newCaller(t, "")),
		"a certificate of ours":                   status(known),
		"one of ours, of one without rights":      status(newCaller(t, "", ours.client(t, "nobody"))),
		"a stranger's certificate":                status(stranger),
		"a stranger's certificate and good token": status(both),
		"a good token alone":                      status(newCaller(t, "token-of-apiserver")),
	}
	want := map[string]int{
		"no certificate":                          401,
		"a certificate of ours":                   200,
		"one of ours, of one without rights":      403,
		"a stranger's certificate":                401,
		"a stranger's certificate and good token": 200,
		"a good token alone":                      200,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	trust(others)
	eventually(t, "the new authority is believed", func() bool { return status(stranger) == 200 })
	if code := status(known); code != 401 {
		t.Errorf("%d for a certificate of the authority that was replaced, on an open connection", code)
	}
}

// The kubeconfig's authority is given as text, not as a file.
func TestDoorTakesClientCertificatesOfAnAuthorityInMemory(t *testing.T) {
	ours := newAuthority(t, "ours")
	pem, err := certutil.EncodeCertificates(ours.cert)
	if err != nil {
		t.Fatal(err)
	}
	cfg := serversConfig(t)
	cfg.Door.ClientCA = pem
	d := newDoorstep(t, cfg, nil)
	d.reviews.set("apiserver", "get nodes/vk/proxy")
	if code, _ := d.ask(newCaller(t, "", ours.client(t, "apiserver")), http.MethodGet, "/pods"); code != 200 {
		t.Errorf("%d for a certificate of the authority", code)
	}
}

// The server reads the body of a request before it answers, and answers some by itself.
func TestStrangersHoldNoConnection(t *testing.T) {
	d := newDoorstep(t, serversConfig(t), nil)
	for _, request := range []string{"POST /pods HTTP/1.1\r\nHost: vk\r\nContent-Length: 1000\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: vk\r\n\r\n"} {
		conn, err := tls.Dial("tcp", d.address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * bodyLimit))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", request, err)
		} else if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %s", request, answer.Status)
		}
	}
}

func TestDoorRefusesAtStart(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		door DoorConfig
		want string
	}{
		"nobody could get in": {
			why: "a door without a way in is a mistake", door: DoorConfig{NoTokens: true},
			want: "kubelet port: nobody could get in: bearer tokens are not to be believed, and no client CA is given",
		},
		"no client CA": {
			why: "who gave a CA wants it believed", door: DoorConfig{ClientCAFile: "/nowhere/ca"},
			want: "kubelet port: client CA: open /nowhere/ca: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, api := serversConfig(t), newAPIServer()
			cfg.Door = c.door
			n, err := newNode(cfg, clients{api, api, api, api})
			if err == nil {
				err = n.Run(t.Context(), newCloud())
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.why, err, c.want)
			}
		})
	}
}

func TestTokensAreNotBelievedIfNotWanted(t *testing.T) {
	ca := newAuthority(t, "ours")
	cfg := serversConfig(t)
	cfg.Door = DoorConfig{NoTokens: true, ClientCAFile: filepath.Join(t.TempDir(), "ca.crt")}
	pem, err := certutil.EncodeCertificates(ca.cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg.Door.ClientCAFile, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDoorstep(t, cfg, nil)
	d.reviews.set("ann", "get nodes/vk/proxy")
	if code, _ := d.ask(newCaller(t, "token-of-ann"), http.MethodGet, "/pods"); code != 401 {
		t.Errorf("%d with a token", code)
	}
	if code, _ := d.ask(newCaller(t, "", ca.client(t, "ann")), http.MethodGet, "/pods"); code != 200 {
		t.Errorf("%d with a certificate", code)
	}
	for _, question := range d.reviews.takeAsked() {
		if strings.HasPrefix(question, "who bears") {
			t.Errorf("asked %s", question)
		}
	}
}

// resolver is a provider that, like virtual-kubelet's core, writes what a
// Secret contains into the pods that it holds.
type resolver struct{ *cloud }

func (r resolver) CreatePod(ctx context.Context, pod *corev1.Pod) error {
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Env = []corev1.EnvVar{{Name: "PASSWORD", Value: "planted"}}
		pod.Spec.Containers[i].EnvFrom = nil
	}
	return r.cloud.CreatePod(ctx, pod)
}

func TestPodListsShowNoSecrets(t *testing.T) {
	d := newDoorstep(t, serversConfig(t), func(c *cloud) Provider { return resolver{c} })
	d.reviews.set("ann", "get nodes/vk/pods")
	pod := d.api.createPod(t, "secretive", secretPod)
	eventually(t, "the pod runs", func() bool { return d.api.pod("secretive").Status.Phase == corev1.PodRunning })
	held, err := d.cloud.GetPod(t.Context(), "default", "secretive")
	if err != nil || held.Spec.Containers[0].Env[0].Value != "planted" {
		t.Fatalf("the provider holds no secret, so this test proves nothing: %v", err)
	}
	ann := newCaller(t, "token-of-ann")
	for path, names := range map[string][]string{
		"/pods":         {`"name":"secretive"`, string(pod.UID), `"secretKeyRef"`, `"name":"database"`, `"kind":"PodList"`},
		"/runningpods/": {`"name":"secretive"`, string(pod.UID), `"image":"nginx"`, `"kind":"PodList"`},
	} {
		var body string
		eventually(t, path+" lists the pod", func() bool {
			_, body = d.ask(ann, http.MethodGet, path)
			return strings.Contains(body, "secretive")
		})
		if strings.Contains(body, "planted") {
			t.Errorf("%s shows what the Secret contains:\n%s", path, body)
		}
		for _, name := range names {
			if !strings.Contains(body, name) {
				t.Errorf("%s lacks %s:\n%s", path, name, body)
			}
		}
	}
}

func TestRunningPodsAreThoseThatRun(t *testing.T) {
	d := newDoorstep(t, serversConfig(t), func(c *cloud) Provider {
		c.provisioning = 0
		return c
	})
	d.reviews.set("ann", "get nodes/vk/proxy")
	ann := newCaller(t, "token-of-ann")
	lists := func(path string) bool {
		_, body := d.ask(ann, http.MethodGet, path)
		return strings.Contains(body, `"name":"web"`)
	}
	eventually(t, "web is listed as running", func() bool { return lists("/runningpods/") })
	d.api.deletePod(t, "web", 30)
	eventually(t, "web is no longer listed as running, its task has not ended yet or has", func() bool { return !lists("/runningpods/") })
}

// A kubelet asks its runtime; whoever has seen in the API server that a pod runs must not be told otherwise by a cache that
// has yet to see it.
func TestRunningPodsAreNotThoseOfACacheThatLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.provisioning = 10 * time.Second
		w.start(true)
		w.api.createPod(t, "web")
		time.Sleep(time.Second)
		w.api.stall()
		w.waitFor("web", "running")
		time.Sleep(time.Second)
		if phase := w.api.pod("web").Status.Phase; phase != corev1.PodRunning {
			t.Fatalf("in the API server it is %s", phase)
		}
		answer := httptest.NewRecorder()
		w.node.listRunningPods(answer, nil)
		if !strings.Contains(answer.Body.String(), `"name":"web"`) {
			t.Errorf("it is not listed as running: %s", answer.Body)
		}
	})
}
