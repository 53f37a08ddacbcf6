package stack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntilSaysWhatItWaitedForAndWhyInVain(t *testing.T) {
	never := func(context.Context) error { return errors.New("it is Pending") }
	cases := map[string]struct {
		because string
		fact    func(context.Context) error
		want    []string // parts of the error; none: no error
	}{
		"a fact that never holds": {
			because: "a limit without what it was for helps nobody",
			fact:    never,
			want:    []string{"waited 1m0s", "the pod is Running", "it is Pending"},
		},
		"a fact that cannot hold any more": {
			because: "a program that has ended will not become ready",
			fact:    func(context.Context) error { return Hopeless{errors.New("exit status 1")} },
			want:    []string{"the pod is Running", "exit status 1"},
		},
		"a fact that holds": {
			because: "no error where there is none",
			fact:    func(context.Context) error { return nil },
		},
		"a fact whose question hangs": {
			because: "the limit holds for the question too",
			fact:    func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			want:    []string{"waited 1m0s", "the pod is Running"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := Until(t.Context(), time.Minute, "the pod is Running", c.fact)
				if (err == nil) != (c.want == nil) {
					t.Fatalf("%s: got %v", c.because, err)
				}
				for _, part := range c.want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %q lacks %q", c.because, err, part)
					}
				}
			})
		})
	}
}
