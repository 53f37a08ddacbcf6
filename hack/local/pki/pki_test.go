package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/hack/local/pki"
)

func pair(t *testing.T, p pki.Pair, err error) tls.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestClientAndServerOfOneAuthorityTrustEachOther(t *testing.T) {
	authority, err := pki.NewAuthority("cluster")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Certificate)
	serverPair, err := authority.Server("api", "127.0.0.1", "kubernetes.default.svc")
	serverCertificate := pair(t, serverPair, err)
	clientPair, err := authority.Client("alice", "system:masters", "people")
	clientCertificate := pair(t, clientPair, err)

	var user string
	var groups []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		user, groups = subject.CommonName, subject.Organization
	}))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{serverCertificate}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	server.StartTLS()
	defer server.Close()

	for _, name := range []string{"", "kubernetes.default.svc"} { // by its address, then by its name
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: roots, Certificates: []tls.Certificate{clientCertificate}, ServerName: name,
		}}}
		answer, err := client.Get(server.URL)
		if err != nil {
			t.Fatalf("the server's certificate does not hold for %q: %v", name, err)
		}
		answer.Body.Close()
		client.CloseIdleConnections()
	}
	if user != "alice" || len(groups) != 2 {
		t.Errorf("want user alice with two groups, the server saw %q with %q", user, groups)
	}
}
