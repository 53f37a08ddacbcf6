package containerlog

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

var follow = &corev1.PodLogOptions{Follow: true}

// ending is a stream whose container can end.
func ending(s Stream) (_ Stream, end func()) {
	var mu sync.Mutex
	var at time.Time
	s.Ended = func() (time.Time, bool) {
		mu.Lock()
		defer mu.Unlock()
		return at, !at.IsZero()
	}
	return s, func() {
		mu.Lock()
		defer mu.Unlock()
		at = time.Now()
	}
}

// listen reads lines as they come.
func listen(r io.Reader) func() (lines []string, ended bool) {
	var mu sync.Mutex
	var lines []string
	var ended bool
	go func() {
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			mu.Lock()
			lines = append(lines, scanner.Text())
			mu.Unlock()
		}
		mu.Lock()
		defer mu.Unlock()
		ended = true
	}()
	return func() ([]string, bool) {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		heard := lines
		lines = nil
		return heard, ended
	}
}

func expect(t *testing.T, why string, want []string, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}

func TestFollowAcrossTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.lag, f.pageSize = 7*time.Second, 2
		f.write(demo.Name, "a")
		stream, end := ending(demo)
		heard := listen(open(t, New(f), stream, follow))
		lines, _ := heard()
		expect(t, "nothing has arrived", nil, lines)
		time.Sleep(15 * time.Second)
		lines, _ = heard()
		expect(t, "the first", []string{"a"}, lines)

		f.write(demo.Name, "b1", "b2", "b3")
		time.Sleep(15 * time.Second)
		lines, _ = heard()
		expect(t, "ties, in pages", []string{"b1", "b2", "b3"}, lines)

		time.Sleep(10 * time.Minute)
		f.write(demo.Name, "last")
		end()
		ended := time.Now()
		for over := false; !over && time.Since(ended) < time.Hour; {
			time.Sleep(time.Second)
			var more []string
			more, over = heard()
			lines = append(lines, more...)
		}
		expect(t, "what came after the end", []string{"b1", "b2", "b3", "last"}, lines)
		if took := time.Since(ended); took < settleTime || took > settleTime+2*longestPause {
			t.Errorf("the reader ends when nothing can come any more; it ended after %v", took)
		}
	})
}

func TestFollowOfAContainerThatEndedLongAgoEndsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.write(demo.Name, "a")
		stream, end := ending(demo)
		end()
		time.Sleep(time.Minute)
		began := time.Now()
		if got := readAll(t, open(t, New(f), stream, follow)); got != "a\n" || time.Since(began) > 0 {
			t.Errorf("want a at once, got %q after %v", got, time.Since(began))
		}
	})
}

func TestFollowWaitsForTheStream(t *testing.T) {
	tail := int64(1)
	for name, o := range map[string]*corev1.PodLogOptions{"all": follow, "the last": {Follow: true, TailLines: &tail}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fakeLogs) {
				heard := listen(open(t, New(f), demo, o))
				time.Sleep(time.Minute)
				f.write(demo.Name, "a", "b")
				time.Sleep(longestPause)
				lines, _ := heard()
				expect(t, "all of it is new", []string{"a", "b"}, lines)
			})
		})
	}
}

func TestFollowFromATail(t *testing.T) {
	for tail, want := range [][]string{nil, {"c"}, {"b", "c"}} {
		for _, sparse := range []bool{false, true} {
			t.Run(fmt.Sprint(tail, sparse), func(t *testing.T) {
				inBubble(t, func(t *testing.T, f *fakeLogs) {
					f.sparse = sparse
					f.write(demo.Name, "a", "b", "c")
					n := int64(tail)
					heard := listen(open(t, New(f), demo, &corev1.PodLogOptions{Follow: true, TailLines: &n}))
					lines, _ := heard()
					expect(t, "what was there", want, lines)
					f.write(demo.Name, "d", "e")
					time.Sleep(longestPause)
					lines, _ = heard()
					expect(t, "what is new", []string{"d", "e"}, lines)
				})
			})
		}
	}
}

func TestFollowOfALateLine(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.write(demo.Name, "a")
		heard := listen(open(t, New(f), demo, follow))
		heard()
		f.writeAt(demo.Name, time.Now().Add(-time.Second), "late")
		f.write(demo.Name, "b")
		time.Sleep(longestPause)
		lines, _ := heard()
		if len(lines) != 2 {
			t.Errorf("want b and the late line, each once, got %q", lines)
		}
	})
}

func TestFollowOutlivesItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.write(demo.Name, "a", "b")
		tail := int64(0)
		heard := listen(open(t, New(f), demo, &corev1.PodLogOptions{Follow: true, TailLines: &tail}))
		for day := range 3 {
			time.Sleep(30 * time.Hour)
			f.write(demo.Name, fmt.Sprint("day ", day), "and night")
			time.Sleep(longestPause)
			lines, _ := heard()
			expect(t, "after a silent day", []string{fmt.Sprint("day ", day), "and night"}, lines)
		}
	})
}

func TestFollowWhenGetLogEventsIsDeniedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.write(demo.Name, "a", "b")
		heard := listen(open(t, New(f), demo, follow))
		heard()
		f.set(func() { f.denied["GetLogEvents"] = true })
		f.write(demo.Name, "c")
		time.Sleep(longestPause)
		lines, _ := heard()
		expect(t, "neither twice nor lost", []string{"c"}, lines)
	})
}

func TestFollowSitsFaultsOut(t *testing.T) {
	for name, row := range map[string]struct {
		reason  string
		failing error
		lasts   time.Duration
		over    bool
	}{
		"throttled":           {"it passes", &smithy.GenericAPIError{Code: "ThrottlingException"}, 2 * time.Minute, false},
		"credentials expired": {"they are renewed", &smithy.GenericAPIError{Code: "ExpiredTokenException"}, 2 * time.Minute, false},
		"connection lost":     {"it comes back", io.ErrUnexpectedEOF, 2 * time.Minute, false},
		"for ever":            {"the user must learn of it", io.ErrUnexpectedEOF, time.Hour, true},
		"refused":             {"asking again is of no use", &smithy.GenericAPIError{Code: "InvalidParameterException"}, longestPause, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fakeLogs) {
				f.write(demo.Name, "a")
				heard := listen(open(t, New(f), demo, follow))
				heard()
				f.set(func() { f.failing = row.failing })
				time.Sleep(row.lasts)
				f.set(func() { f.failing = nil })
				f.write(demo.Name, "b")
				time.Sleep(longestRetry)
				lines, over := heard()
				if over != row.over || !row.over && len(lines) != 1 {
					t.Errorf("%s: want over %v, got %v with %q", row.reason, row.over, over, lines)
				}
			})
		})
	}
}

// A hundred followers share 5 calls a second, the least AWS grants, and somebody asks for a log.
func TestAHundredFollowers(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.took, f.turn = 200*time.Millisecond, make(chan struct{}, 1)
		l := New(f)
		var all []func() ([]string, bool)
		var opening sync.WaitGroup
		var mu sync.Mutex
		for i := range 100 {
			stream := Stream{Group: "/demo", Name: fmt.Sprint("vk/app/", i)}
			f.write(stream.Name, "hello")
			opening.Go(func() {
				r, err := l.Open(t.Context(), stream, follow)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = r.Close() })
				mu.Lock()
				defer mu.Unlock()
				all = append(all, listen(r))
			})
		}
		opening.Wait()
		time.Sleep(5 * time.Minute)
		mine := Stream{Group: "/demo", Name: "vk/mine/1"}
		f.write(mine.Name, "mine")
		began := time.Now()
		got := readAll(t, open(t, l, mine, nil))
		if took := time.Since(began); got != "mine\n" || took > 2*time.Second {
			t.Errorf("two questions, each behind two followers at most: want my log within 2s, got %q after %v", got, took)
		}
		for i := range 100 {
			f.write(fmt.Sprint("vk/app/", i), "again")
		}
		time.Sleep(2 * time.Minute)
		for _, heard := range all {
			if lines, _ := heard(); strings.Join(lines, " ") != "hello again" {
				t.Fatalf("each follower gets its turn; want hello again, got %q", lines)
			}
		}
	})
}
