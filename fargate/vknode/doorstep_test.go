package vknode

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"
)

// reviews is the part of an API server that knows who bears a token and who
// may do what. It speaks HTTP, because the library that asks goes past
// client-go's fake. The token of NAME is "token-of-NAME".
type reviews struct {
	mu      sync.Mutex // guards all below
	rights  map[string][]string
	refuses map[string]bool // by path's end: answers 403 to the question itself
	asked   []string
}

func (s *reviews) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	question := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if s.refuses[question] {
		http.Error(w, question+" is forbidden", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch question {
	case "tokenreviews":
		var review authenticationv1.TokenReview
		json.NewDecoder(r.Body).Decode(&review)
		s.asked = append(s.asked, "who bears "+review.Spec.Token)
		name, known := strings.CutPrefix(review.Spec.Token, "token-of-")
		review.Status.Authenticated, review.Status.User.Username = known, name
		if !known {
			review.Status.Error = "invalid bearer token"
		}
		json.NewEncoder(w).Encode(review)
	case "subjectaccessreviews":
		var review authorizationv1.SubjectAccessReview
		json.NewDecoder(r.Body).Decode(&review)
		a := review.Spec.ResourceAttributes
		right := a.Verb + " " + a.Resource + "/" + a.Name + "/" + a.Subresource
		s.asked = append(s.asked, "may "+review.Spec.User+" "+right)
		review.Status.Allowed = slices.Contains(s.rights[review.Spec.User], right)
		json.NewEncoder(w).Encode(review)
	}
}

func (s *reviews) set(user string, rights ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rights[user] = rights
}

func (s *reviews) setRefuses(question string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses[question] = true
}

func (s *reviews) takeAsked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// doorstep is a running node with its kubelet port, seen from outside.
type doorstep struct {
	*testing.T
	api     *apiServer
	cloud   *cloud
	reviews *reviews
	node    *Node
	address string
}

// newDoorstep runs a node with pod default/web, and awaits that. with makes
// the provider; nil: it has no logs.
func newDoorstep(t *testing.T, cfg Config, with func(*cloud) Provider) *doorstep {
	t.Helper()
	s := &reviews{rights: map[string][]string{}, refuses: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	d := &doorstep{T: t, api: newAPIServer(), cloud: newCloud(), reviews: s, address: cfg.KubeletAddress}
	p := Provider(d.cloud)
	if with != nil {
		p = with(d.cloud)
	}
	d.api.createPod(t, "web")
	d.node = runNode(t, cfg, clients{pods: d.api, events: d.api, node: d.api, reviews: client}, d.cloud, p)
	<-d.node.Ready()
	return d
}

// caller is someone who asks, over connections of their own.
type caller struct {
	*http.Client
	token string
}

func newCaller(t *testing.T, token string, certificates ...tls.Certificate) caller {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}}
	t.Cleanup(transport.CloseIdleConnections)
	return caller{&http.Client{Transport: transport}, token}
}

func (c caller) open(ctx context.Context, method, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.Do(request)
}

// ask returns status and body, as "200 ...".
func (d *doorstep) ask(c caller, method, path string) (int, string) {
	d.Helper()
	resp, err := c.open(d.Context(), method, "https://"+d.address+path)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// authority signs client certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key := newKey(t)
	cert, err := certutil.NewSelfSignedCACert(certutil.Config{CommonName: name}, key)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a authority) client(t *testing.T, user string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: user},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key}
}

// eventually is for what another goroutine does soon.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// secretPod names a Secret in its environment.
func secretPod(pod *corev1.Pod) {
	ref := corev1.LocalObjectReference{Name: "database"}
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "PASSWORD",
		ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: ref, Key: "password"}}}}
	pod.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: ref}}}
}
