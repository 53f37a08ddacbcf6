package vknode

import (
	"context"
	"log/slog"

	"k8s.io/klog/v2"
)

// RouteKlog sends what client-go and the core say through klog to log, all but
// errors for debugging. It is for the whole process: once, before
// anything else runs.
func RouteKlog(log *slog.Logger) {
	klog.SetSlogLogger(slog.New(quietHandler{log.Handler()}))
}

// quietHandler takes information for debugging.
type quietHandler struct {
	slog.Handler
}

func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, quiet(level))
}

func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = quiet(r.Level)
	return h.Handler.Handle(ctx, r)
}

func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs)}
}

func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}

func quiet(level slog.Level) slog.Level {
	if level == slog.LevelInfo {
		return slog.LevelDebug
	}
	return level
}
