package vknode

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"sync"
	"testing"

	certutil "k8s.io/client-go/util/cert"
)

// TestCertificateReplacedUnderLoad replaces the pair, one file after the
// other, while a hundred clients are connected and others come. Nobody
// notices, but for the new certificate.
func TestCertificateReplacedUnderLoad(t *testing.T) {
	const many = 100
	cfg := serversConfig(t)
	dir := t.TempDir()
	cfg.CertFile, cfg.KeyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	former, formerKey := selfSignedPair(t, "former")
	replacement, replacementKey := selfSignedPair(t, "replacement")
	write(t, cfg.CertFile, former)
	write(t, cfg.KeyFile, formerKey)
	d := newDoorstep(t, cfg, nil)
	d.reviews.set("ann", "get nodes/vk/healthz")

	var connected, finished sync.WaitGroup
	replaced := make(chan struct{})
	connected.Add(many)
	for range many {
		finished.Go(func() {
			ann := newCaller(t, "token-of-ann")
			d.healthy(ann, false)
			connected.Done()
			for range 10 {
				d.healthy(ann, true)
			}
			<-replaced
			d.healthy(ann, true)
		})
	}
	connected.Wait()
	for range 4 {
		finished.Go(func() {
			for {
				d.healthy(newCaller(t, "token-of-ann"), false)
				select {
				case <-replaced:
					return
				default:
				}
			}
		})
	}
	write(t, cfg.CertFile, replacement)
	if got := dial(t, cfg.KubeletAddress).DNSNames[0]; got != "former" {
		t.Errorf("half replaced, it shows %s", got)
	}
	write(t, cfg.KeyFile, replacementKey)
	if got := dial(t, cfg.KubeletAddress).DNSNames[0]; got != "replacement" {
		t.Errorf("replaced, it shows %s", got)
	}
	close(replaced)
	finished.Wait()
}

// healthy asks for /healthz, over the connection of before if reused.
func (d *doorstep) healthy(c caller, reused bool) {
	request, err := http.NewRequest(http.MethodGet, "https://"+d.address+"/healthz", nil)
	if err != nil {
		d.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request = request.WithContext(httptrace.WithClientTrace(d.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if info.Reused != reused {
				d.Errorf("connection reused: %t, want %t", info.Reused, reused)
			}
		},
	}))
	resp, err := c.Do(request)
	if err != nil {
		d.Error(err)
		return
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		d.Errorf("%s %s %v", resp.Status, body, err)
	}
}

func selfSignedPair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	cert, key, err := certutil.GenerateSelfSignedCertKey(name, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
