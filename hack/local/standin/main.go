// Command standin is the one program of the images that the local stack makes for itself
// where no registry can be reached. Its name in the image decides what it plays: "nginx"
// is a web server that names its version, "pause" holds a task's network and waits, or, told
// "directory", looks into a volume. It is no nginx: it serves one page, so that an update can
// be seen in the answers.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	// An image's first process gets no default action for signals: who does not ask for SIGTERM is never told.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGQUIT, os.Interrupt)
	defer stop()
	switch name := filepath.Base(os.Args[0]); name {
	case "nginx":
		if err := serve(ctx, ":80", os.Getenv("NGINX_VERSION")); err != nil {
			fmt.Fprintln(os.Stderr, "nginx stand-in:", err)
			os.Exit(1)
		}
	case "pause":
		if len(os.Args) > 1 && os.Args[1] == "directory" {
			os.Exit(directory(os.Args[2:], os.Stderr))
		}
		<-ctx.Done()
	default:
		fmt.Fprintf(os.Stderr, "standin: cannot play %q, only nginx and pause\n", name)
		os.Exit(2)
	}
}
