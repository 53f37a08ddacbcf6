package stack

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestShellDoesWhatJobsAsk(t *testing.T) {
	type result struct {
		Code           int
		Stdout, Stderr string
	}
	cases := map[string]struct {
		because string
		spec    fargatesim.ContainerSpec
		want    result
	}{
		"a job that succeeds": {
			because: "the simplest Job of every tutorial",
			spec:    fargatesim.ContainerSpec{EntryPoint: []string{"sh"}, Command: []string{"-c", "echo hello world; sleep 5"}},
			want:    result{Stdout: "hello world\n"},
		},
		"a job that fails": {
			because: "backoffLimit needs a real exit code",
			spec:    fargatesim.ContainerSpec{EntryPoint: []string{"/bin/sh"}, Command: []string{"-c", "sleep 1; exit 7; echo never"}},
			want:    result{Code: 7},
		},
		"the last command decides": {
			because: "as in a real shell",
			spec:    fargatesim.ContainerSpec{EntryPoint: []string{"sh"}, Command: []string{"-c", "true; false"}},
			want:    result{Code: 1},
		},
		"a plain command": {
			because: "command: [sleep, \"3600\"] has no shell around it",
			spec:    fargatesim.ContainerSpec{EntryPoint: []string{"sleep"}, Command: []string{"3600"}},
		},
		"what it does not know": {
			because: "a test must not pass because nothing was run",
			spec:    fargatesim.ContainerSpec{EntryPoint: []string{"wget"}},
			want:    result{Code: 127, Stderr: "sh: wget: the scripted runtime does not know this command\n"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stdout, stderr bytes.Buffer
				c.spec.Stdout, c.spec.Stderr = &stdout, &stderr
				exit := shell(t.Context(), c.spec)
				got := result{exit.Code, stdout.String(), stderr.String()}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s\n(-want +got):\n%s", c.because, diff)
				}
			})
		})
	}
}

func TestShellThatSleepsEndsWhenItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, cancel := context.WithCancel(t.Context())
		exits := make(chan fargatesim.Exit)
		go func() {
			exits <- shell(stop, fargatesim.ContainerSpec{EntryPoint: []string{"sleep"}, Command: []string{"infinity"}})
		}()
		synctest.Wait()
		cancel()
		if got := <-exits; got.Code != 143 {
			t.Errorf("want 143, the code of a program that SIGTERM ended, got %d", got.Code)
		}
	})
}
