package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// drain is how long answers under way may take once the server is told to end.
const drain = 3 * time.Second

// serve answers HTTP at the address until ctx ends, as nginx of the given version would.
func serve(ctx context.Context, address, version string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: site(version, os.Stdout), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return server.Shutdown(limit)
}

// site is the one page, and the access log as nginx writes it.
func site(version string, log io.Writer) http.Handler {
	hostname, _ := os.Hostname() // the page does without it
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, status := fmt.Sprintf("<html><title>Welcome to nginx!</title><h1>nginx/%s at %s (stand-in)</h1></html>\n", version, hostname), http.StatusOK
		if r.URL.Path != "/" && r.URL.Path != "/index.html" {
			page, status = "<html><h1>404 Not Found</h1></html>\n", http.StatusNotFound
		}
		w.Header().Set("Server", "nginx/"+version)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		n, _ := io.WriteString(w, page) // a client that went away has its page
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(log, "%s - - [%s] \"%s %s %s\" %d %d \"-\" %q \"-\"\n",
			client, time.Now().Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.URL.Path, r.Proto, status, n, r.UserAgent())
	})
}
