package vknode

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	certutil "k8s.io/client-go/util/cert"
)

// selfSignedLife is shorter than the year for which client-go makes them.
const selfSignedLife = 300 * 24 * time.Hour

// certificate is the kubelet port's key pair: it holds the last good one and
// makes another when that is due.
type certificate struct {
	load func() (tls.Certificate, error)
	// version names what load would return; another name means it is due.
	version func() string
	log     *slog.Logger

	mu     sync.Mutex // guards pair and loaded
	pair   tls.Certificate
	loaded string // version of pair, or of the one that could not be loaded
}

// newCertificate loads or makes the pair once, so that a bad one is an error
// at start.
func newCertificate(cfg Config) (*certificate, error) {
	c := selfSigned(cfg.Node)
	if cfg.CertFile != "" {
		c = fromFiles(cfg.CertFile, cfg.KeyFile)
	}
	c.log = cfg.Log
	c.loaded = c.version()
	pair, err := c.load()
	if err != nil {
		return nil, err
	}
	c.pair = pair
	return c, nil
}

// get is for tls.Config.GetCertificate. A pair that cannot be loaded, half of
// it being replaced perhaps, leaves the last good one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version := c.version(); version != c.loaded {
		c.loaded = version
		pair, err := c.load()
		if err != nil {
			c.log.Warn("the kubelet port keeps its former certificate", "error", err)
		} else {
			c.pair = pair
		}
	}
	pair := c.pair
	return &pair, nil
}

func fromFiles(certFile, keyFile string) *certificate {
	return &certificate{
		version: func() string { return fileVersion(certFile) + fileVersion(keyFile) },
		load: func() (tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(certFile, keyFile)
			if err != nil {
				return pair, fmt.Errorf("kubelet port: load certificate %s with key %s: %w", certFile, keyFile, err)
			}
			return pair, nil
		},
	}
}

func fileVersion(name string) string {
	info, err := os.Stat(name)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

func selfSigned(node *corev1.Node) *certificate {
	start := time.Now()
	return &certificate{
		version: func() string { return fmt.Sprint(time.Since(start) / selfSignedLife) },
		load: func() (tls.Certificate, error) {
			ips, names := addresses(node)
			cert, key, err := certutil.GenerateSelfSignedCertKey(node.Name, ips, names)
			if err != nil {
				return tls.Certificate{}, fmt.Errorf("kubelet port: make certificate: %w", err)
			}
			return tls.X509KeyPair(cert, key)
		},
	}
}

func addresses(node *corev1.Node) (ips []net.IP, names []string) {
	for _, a := range node.Status.Addresses {
		if ip := net.ParseIP(a.Address); ip != nil {
			ips = append(ips, ip)
		} else {
			names = append(names, a.Address)
		}
	}
	return ips, names
}
