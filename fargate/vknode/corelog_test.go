package vknode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	corelog "github.com/virtual-kubelet/virtual-kubelet/log"
	coreslog "github.com/virtual-kubelet/virtual-kubelet/log/slog"
	"github.com/virtual-kubelet/virtual-kubelet/trace"
	"k8s.io/klog/v2"
)

func TestCoreLog(t *testing.T) {
	speak := func(ctx context.Context) {
		ctx, span := trace.StartSpan(ctx, "sync")
		ctx = span.WithField(ctx, "key", "default/web")
		corelog.G(ctx).Infof("got %d", 1)
		corelog.G(ctx).WithError(errors.New("why")).Error("again")
		corelog.G(ctx).Error(errors.New("an error as message"))
		span.End()
	}
	for name, c := range map[string]struct {
		why        string
		level      slog.Level
		tellErrors bool
		want       string
	}{
		"pods at info": {
			why:   "one line per thing that happened to a pod: the core's chatter is none",
			level: slog.LevelInfo,
		},
		"pods at debug": {
			why:   "all of it, with the fields of the core's spans",
			level: slog.LevelDebug,
			want: "level=DEBUG msg=\"got 1\" key=default/web\n" +
				"level=DEBUG msg=again key=default/web error=why\n" +
				"level=DEBUG msg=\"an error as message\" key=default/web\n",
		},
		"the node at info": {
			why:        "it repeats itself at each heartbeat: the first error of a minute",
			level:      slog.LevelInfo,
			tellErrors: true,
			want:       "level=WARN msg=again key=default/web error=why\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: c.level, ReplaceAttr: withoutTime}))
			speak(withCoreLog(t.Context(), log, c.tellErrors))
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// TestTheCoresOwnSlogAdapterPanics is why coreLog exists.
func TestTheCoresOwnSlogAdapterPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it no longer does: use it instead")
		}
	}()
	coreslog.FromSlog(slog.New(slog.NewTextHandler(io.Discard, nil))).Error(errors.New("an error as message"))
}

func TestRouteKlog(t *testing.T) {
	defer klog.ClearLogger()
	var out bytes.Buffer
	RouteKlog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
	klog.InfoS("chatter", "controller", "x")
	klog.ErrorS(errors.New("why"), "trouble")
	want := "level=ERROR msg=trouble err=why\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
