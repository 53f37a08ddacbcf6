package vknode

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// kubeletHandler serves the kubelet port to those whom the door lets through.
// What has no route is 404 to them alone: nobody else learns what there is.
func (n *Node) kubeletHandler(d *door, p Provider) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /containerLogs/{namespace}/{pod}/{container}", n.whenSynced(n.containerLogs(p)))
	mux.Handle("GET /pods", n.whenSynced(n.listPods))
	mux.Handle("GET /runningpods", n.whenSynced(n.listRunningPods))
	mux.Handle("GET /runningpods/{$}", n.whenSynced(n.listRunningPods))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, n.alive()) })
	return d.guard(mux)
}

// whenSynced answers 503 as long as the pods are not known: an empty list, or
// "no such pod", would be wrong.
func (n *Node) whenSynced(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !n.pods.Informer().HasSynced() {
			http.Error(w, fmt.Sprintf("starting: %s", n.phase.Load()), http.StatusServiceUnavailable)
			return
		}
		next(w, r)
	})
}

// listenKubelet takes the kubelet port, where the API server looks for logs
// and the like.
func listenKubelet(address string, cert *certificate, clientCertificates bool) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("kubelet port: %w: probably a kubelet runs on this machine; set KUBELET_PORT to a free port", err)
	}
	if err != nil {
		return nil, fmt.Errorf("kubelet port: %w", err)
	}
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: cert.get,
		NextProtos:     []string{"http/1.1"}, // exec's SPDY upgrade needs HTTP/1.1
	}
	if clientCertificates {
		// Asked for, not demanded: who has a token may come without. The door
		// checks the certificate, so a bad one is 401 and no broken handshake.
		config.ClientAuth = tls.RequestClientCert
	}
	return tls.NewListener(listener, config), nil
}

func listenMetrics(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics address: %w", err)
	}
	return listener, nil
}

// serve answers until ctx ends, and then cuts what is still being served.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:                      handler,
		ReadHeaderTimeout:            10 * time.Second,
		IdleTimeout:                  90 * time.Second,                                  // the kubelet's
		DisableGeneralOptionsHandler: true,                                              // OPTIONS * would pass no door
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a port scan is no news
		BaseContext:                  func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	}
	return nil
}
