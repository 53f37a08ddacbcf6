package containerlog

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inBubble runs a test once with GetLogEvents and once where it is denied, on a clock of today: a bubble's own begins
// before there is a newest-first search.
func inBubble(t *testing.T, test func(*testing.T, *fakeLogs)) {
	for _, operation := range []string{"GetLogEvents", "FilterLogEvents"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(27 * 365 * 24 * time.Hour)
				f := newFake()
				f.denied["GetLogEvents"] = operation != "GetLogEvents"
				test(t, f)
			})
		})
	}
}

var demo = Stream{Group: "/demo", Name: "vk/app/1"}

// open is Open with a deadline far beyond any that a reader has: what hangs fails.
func open(t *testing.T, l *Logs, s Stream, o *corev1.PodLogOptions) io.ReadCloser {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Hour)
	t.Cleanup(cancel)
	r, err := l.Open(ctx, s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("read: %v", err)
	}
	return string(text)
}

func TestWhatIsShown(t *testing.T) {
	n := func(i int64) *int64 { return &i }
	for name, row := range map[string]struct {
		reason  string
		options corev1.PodLogOptions
		want    string
	}{
		"everything":                   {"in order, ties too", corev1.PodLogOptions{}, "a\nb1\nb2\nb3\nc\nd\n"},
		"tail 2":                       {"the last lines", corev1.PodLogOptions{TailLines: n(2)}, "c\nd\n"},
		"tail among ties":              {"lines of one millisecond have an order", corev1.PodLogOptions{TailLines: n(4)}, "b2\nb3\nc\nd\n"},
		"tail of all":                  {"not one less", corev1.PodLogOptions{TailLines: n(6)}, "a\nb1\nb2\nb3\nc\nd\n"},
		"tail of more":                 {"than there is", corev1.PodLogOptions{TailLines: n(99999)}, "a\nb1\nb2\nb3\nc\nd\n"},
		"tail 0":                       {"is not the same as none", corev1.PodLogOptions{TailLines: n(0)}, ""},
		"since time":                   {"the time itself included", corev1.PodLogOptions{SinceTime: at(20)}, "b1\nb2\nb3\nc\nd\n"},
		"since a fraction":             {"of a millisecond later", corev1.PodLogOptions{SinceTime: &metav1.Time{Time: at(20).Add(1)}}, "c\nd\n"},
		"since seconds":                {"before now, which is 100", corev1.PodLogOptions{SinceSeconds: n(75)}, "c\nd\n"},
		"tail and since":               {"the narrower holds", corev1.PodLogOptions{TailLines: n(5), SinceTime: at(30)}, "c\nd\n"},
		"limit in a line":              {"the line is cut", corev1.PodLogOptions{LimitBytes: n(4)}, "a\nb1"},
		"limit at a line":              {"the end of line counts", corev1.PodLogOptions{LimitBytes: n(5)}, "a\nb1\n"},
		"limit 0":                      {"nothing", corev1.PodLogOptions{LimitBytes: n(0)}, ""},
		"limit with stamps":            {"they count", corev1.PodLogOptions{LimitBytes: n(10), Timestamps: true}, "2026-12-25"},
		"limit, though it is followed": {"the reader ends with it", corev1.PodLogOptions{LimitBytes: n(2), Follow: true}, "a\n"},
		"stamps": {"all digits, as the kubelet writes them", corev1.PodLogOptions{TailLines: n(1), Timestamps: true},
			"2026-12-25T00:00:40.000000000Z d\n"},
	} {
		for shape, set := range map[string]func(*fakeLogs){
			"one page":     func(*fakeLogs) {},
			"pages of two": func(f *fakeLogs) { f.pageSize = 2 },
			"empty pages":  func(f *fakeLogs) { f.pageSize, f.sparse = 2, true },
		} {
			t.Run(name+" in "+shape, func(t *testing.T) {
				inBubble(t, func(t *testing.T, f *fakeLogs) {
					set(f)
					f.writeAt(demo.Name, at(10).Time, "a")
					f.writeAt(demo.Name, at(20).Time, "b1", "b2", "b3")
					f.writeAt(demo.Name, at(30).Time, "c")
					f.writeAt(demo.Name, at(40).Time, "d")
					time.Sleep(time.Until(at(100).Time))
					if diff := cmp.Diff(row.want, readAll(t, open(t, New(f), demo, &row.options))); diff != "" {
						t.Errorf("%s (-want +got):\n%s", row.reason, diff)
					}
				})
			})
		}
	}
}

// at is so many seconds into the day of the tests.
func at(seconds int) *metav1.Time {
	return &metav1.Time{Time: time.Date(2026, 12, 25, 0, 0, seconds, 0, time.UTC)}
}

func TestWhatWasNotWrittenYetIsEmpty(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		for why, s := range map[string]Stream{"no stream": demo, "no group": {Group: "/none", Name: demo.Name}} {
			if got := readAll(t, open(t, New(f), s, nil)); got != "" {
				t.Errorf("%s: want nothing, got %q", why, got)
			}
		}
	})
}

func TestStdoutAloneIsRefused(t *testing.T) {
	stdout := corev1.LogStreamStdout
	if _, err := New(newFake()).Open(t.Context(), demo, &corev1.PodLogOptions{Stream: &stdout}); !errors.Is(err, ErrSplitStream) {
		t.Errorf("want ErrSplitStream, got %v", err)
	}
}

func TestNothingIsReadAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.pageSize = 10
		f.write(demo.Name, strings.Split(strings.Repeat("x", 1000), "")...)
		operation := "GetLogEvents"
		if f.denied[operation] {
			operation = "FilterLogEvents"
		}
		r := open(t, New(f), demo, nil)
		time.Sleep(time.Hour)
		if n := f.called(operation); n != 1 {
			t.Errorf("nobody has read yet; want 1 page, got %d", n)
		}
		if _, err := io.ReadFull(r, make([]byte, 25)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := f.called(operation); n != 2 {
			t.Errorf("twelve lines are read; want 2 pages, got %d", n)
		}
	})
}

func TestALongTailIsCheap(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		lines := make([]string, 25000)
		for i := range lines {
			lines[i] = strings.Repeat("x", i%7+1)
			f.writeAt(demo.Name, time.Now().Add(time.Duration(i)*time.Millisecond/3), lines[i])
		}
		tail := int64(20001)
		got := readAll(t, open(t, New(f), demo, &corev1.PodLogOptions{TailLines: &tail}))
		if want := strings.Join(lines[25000-20001:], "\n") + "\n"; got != want {
			t.Errorf("want %d lines of %d bytes, got %d of %d", tail, len(want), strings.Count(got, "\n"), len(got))
		}
	})
}

func TestReadersEnd(t *testing.T) {
	for name, row := range map[string]struct {
		reason string
		end    func(io.Closer, context.CancelFunc)
		want   error
	}{
		"closed":       {"its caller has left", func(r io.Closer, _ context.CancelFunc) { _ = r.Close() }, io.ErrClosedPipe},
		"context over": {"the client has left", func(_ io.Closer, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fakeLogs) {
				f.write(demo.Name, "a")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r, err := New(f).Open(ctx, demo, &corev1.PodLogOptions{Follow: true})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				time.AfterFunc(time.Minute, func() { row.end(r, cancel) })
				text, err := io.ReadAll(r)
				if string(text) != "a\n" || !errors.Is(err, row.want) {
					t.Errorf("%s: want %q and %v, got %q and %v", row.reason, "a\n", row.want, text, err)
				}
			})
		})
	}
}

func TestAReaderThatNobodyReadsEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.write(demo.Name, "a")
		ctx, cancel := context.WithCancel(t.Context())
		r, err := New(f).Open(ctx, demo, nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		<-r.(*reader).done
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDenials(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.write(demo.Name, "a")
		l := New(f)
		fallsBack := f.denied["GetLogEvents"]
		for range 3 {
			if got := readAll(t, open(t, l, demo, nil)); got != "a\n" {
				t.Errorf("want a, got %q", got)
			}
		}
		if n := f.called("GetLogEvents"); fallsBack && n != 1 {
			t.Errorf("one denial is enough for good; want 1 call of GetLogEvents, got %d", n)
		}
		f.denied = map[string]bool{"FilterLogEvents": true}
		if got := readAll(t, open(t, l, demo, nil)); got != "a\n" {
			t.Errorf("the policies were changed about; want a, got %q", got)
		}
		f.denied = map[string]bool{"GetLogEvents": true, "FilterLogEvents": true}
		_, err := l.Open(t.Context(), demo, nil)
		var denied *DeniedError
		if !errors.As(err, &denied) || denied.Action != "logs:GetLogEvents" || denied.Group != "/demo" {
			t.Errorf("want the action and the group to allow, got %v", err)
		}
		delete(f.denied, "GetLogEvents")
		if got := readAll(t, open(t, l, demo, nil)); got != "a\n" {
			t.Errorf("allowed since; want a, got %q", got)
		}
	})
}

func TestOpenTellsWhatFailsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeLogs) {
		f.failing = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
		r, err := New(f).Open(t.Context(), demo, &corev1.PodLogOptions{Follow: true})
		if r != nil || !errors.Is(err, f.failing) || !strings.Contains(err.Error(), demo.Name) {
			t.Errorf("want no reader and an error that names the stream, got %v, %v", r, err)
		}
	})
}
