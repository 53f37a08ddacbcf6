package dockerruntime_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestContainersOfATaskShareItsNetwork(t *testing.T) {
	sandbox := task(t, 11)
	start(t, sandbox, fargatesim.ContainerSpec{Name: "web", Image: "nginx:1.7.9"})
	client, written := start(t, sandbox, fargatesim.ContainerSpec{
		Name: "client", Image: shell, EntryPoint: []string{"sh", "-c"},
		Command: []string{"until wget -q -O- http://127.0.0.1/; do :; done; hostname -i; hostname"},
	})
	if _, err := client.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	bytes := site.Tasks.Addr().As4()
	bytes[3] = 11
	own := netip.AddrFrom4(bytes).String()
	for _, want := range []string{"nginx/1.7.9", own + "\n", "ip-" + strings.ReplaceAll(own, ".", "-")} {
		if got := written.stdout.String(); !strings.Contains(got, want) {
			t.Errorf("want %q in what a container sees of its task:\n%s", want, got)
		}
	}
	answer, err := http.Get("http://" + own + "/") // and from outside, at the task's address
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Server"); got != "nginx/1.7.9" {
		t.Errorf("want an answer of nginx/1.7.9 at %s, got %q", own, got)
	}
}

func TestStopSignalsFirstAndKillsLater(t *testing.T) {
	cases := map[string]struct {
		script string
		limit  time.Duration
		want   int
	}{
		"one that listens ends as it likes": {"trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done", time.Minute, 7},
		"one that does not is killed":       {"trap '' TERM; echo ready; while :; do sleep 0.1; done", time.Second, 137},
	}
	sandbox := task(t, 12)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ready := make(chan struct{})
			container, err := sandbox.Start(t.Context(), fargatesim.ContainerSpec{
				Name: fmt.Sprint("c", c.want), Image: shell, EntryPoint: []string{"sh", "-c"}, Command: []string{c.script},
				Stdout: writerFunc(func(p []byte) (int, error) { close(ready); return len(p), nil }), Stderr: io.Discard,
			})
			if err != nil {
				t.Fatal(err)
			}
			<-ready
			if err := container.Stop(t.Context(), c.limit); err != nil {
				t.Fatal(err)
			}
			exit, err := container.Wait(t.Context())
			if err != nil || exit.Code != c.want {
				t.Errorf("want exit code %d, got %d (%v)", c.want, exit.Code, err)
			}
			if err := container.Stop(t.Context(), c.limit); err != nil {
				t.Errorf("stopping what has ended is no error: %v", err)
			}
		})
	}
}

func TestExecAnswersForHealthChecks(t *testing.T) {
	sandbox := task(t, 13)
	container, _ := start(t, sandbox, fargatesim.ContainerSpec{Name: "c", Image: shell, Command: []string{"sleep", "600"}})
	for want := range 3 {
		code, err := container.Exec(t.Context(), []string{"sh", "-c", fmt.Sprintf("echo noise; exit %d", want)})
		if err != nil || code != want {
			t.Errorf("want exit code %d, got %d (%v)", want, code, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if code, err := container.Exec(ctx, []string{"sleep", "600"}); err == nil {
		t.Errorf("a command that takes too long must not pass for one that ended with %d", code)
	}
}

func TestContainersShareTheVolumesTheyName(t *testing.T) {
	sandbox := task(t, 14)
	mount := []fargatesim.Mount{{Volume: "data", Path: "/data"}}
	writer, _ := start(t, sandbox, fargatesim.ContainerSpec{
		Name: "writer", Image: shell, Mounts: mount, Command: []string{"sh", "-c", "echo kept > /data/file"}})
	if _, err := writer.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	reader, written := start(t, sandbox, fargatesim.ContainerSpec{
		Name: "reader", Image: shell, Mounts: mount, Command: []string{"cat", "/data/file"}})
	if _, err := reader.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := written.stdout.String(); got != "kept\n" {
		t.Errorf("want what the other container wrote, got %q", got)
	}
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	sandbox := task(t, 15)
	if digest, err := sandbox.Pull(t.Context(), "127.0.0.1:9/nobody/nothing:1"); err == nil {
		t.Errorf("an image that is nowhere was pulled: %s", digest)
	}
	if digest, err := sandbox.Pull(t.Context(), shell); err != nil || !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("an image that is here needs no registry: %q, %v", digest, err)
	}
	_, err := sandbox.Start(t.Context(), fargatesim.ContainerSpec{
		Name: "c", Image: shell, EntryPoint: []string{"/no/such/program"}, Stdout: io.Discard, Stderr: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("want an error that names the program, got %v", err)
	}
}

func TestRemoveEndsWhatRunsAndFreesTheAddress(t *testing.T) {
	sandbox := task(t, 16)
	container, _ := start(t, sandbox, fargatesim.ContainerSpec{Name: "c", Image: shell, Command: []string{"sleep", "600"}})
	for range 2 { // it may be repeated
		if err := sandbox.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := container.Exec(t.Context(), []string{"true"}); err == nil {
		t.Error("the container is still there")
	}
	task(t, 16) // the same address again
}
