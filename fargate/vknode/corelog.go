package vknode

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	corelog "github.com/virtual-kubelet/virtual-kubelet/log"
	"github.com/virtual-kubelet/virtual-kubelet/trace"
	"golang.org/x/time/rate"
)

// withCoreLog is ctx with a logger and a tracer for the core: all it says is
// for debugging, in a pod's case because keepTrying tells its errors. If
// tellErrors, one error a minute is a warning: those of the node controller,
// which has no such hook and repeats itself at each heartbeat.
func withCoreLog(ctx context.Context, log *slog.Logger, tellErrors bool) context.Context {
	l := coreLog{log: log, ended: func() bool { return ctx.Err() != nil }}
	if tellErrors {
		l.errors = &rate.Sometimes{First: 1, Interval: time.Minute}
	}
	return trace.WithTracer(corelog.WithLogger(ctx, l), coreTracer{})
}

// coreLog is the core's logger over slog. The one that comes with the core
// panics where the core logs an error in the place of a message.
type coreLog struct {
	log    *slog.Logger
	ended  func() bool     // errors after the end are no news
	errors *rate.Sometimes // nil: errors are for debugging
	fields []any
}

func (l coreLog) Debug(args ...any)            { l.debug(fmt.Sprint, args) }
func (l coreLog) Info(args ...any)             { l.debug(fmt.Sprint, args) }
func (l coreLog) Warn(args ...any)             { l.debug(fmt.Sprint, args) }
func (l coreLog) Error(args ...any)            { l.err(fmt.Sprint, args) }
func (l coreLog) Fatal(args ...any)            { l.err(fmt.Sprint, args) }
func (l coreLog) Debugf(f string, args ...any) { l.debug(formatted(f), args) }
func (l coreLog) Infof(f string, args ...any)  { l.debug(formatted(f), args) }
func (l coreLog) Warnf(f string, args ...any)  { l.debug(formatted(f), args) }
func (l coreLog) Errorf(f string, args ...any) { l.err(formatted(f), args) }
func (l coreLog) Fatalf(f string, args ...any) { l.err(formatted(f), args) }

func (l coreLog) WithError(err error) corelog.Logger { return l.WithField("error", err) }

func (l coreLog) WithField(key string, value any) corelog.Logger {
	l.fields = append(slices.Clip(l.fields), key, value)
	return l
}

func (l coreLog) WithFields(fields corelog.Fields) corelog.Logger {
	l.fields = slices.Clone(l.fields)
	for key, value := range fields {
		l.fields = append(l.fields, key, value)
	}
	return l
}

func formatted(format string) func(...any) string {
	return func(args ...any) string { return fmt.Sprintf(format, args...) }
}

func (l coreLog) debug(sprint func(...any) string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(sprint(args...), l.fields...)
	}
}

func (l coreLog) err(sprint func(...any) string, args []any) {
	l.debug(sprint, args)
	if l.errors != nil && !l.ended() {
		l.errors.Do(func() { l.log.Warn(sprint(args...), l.fields...) })
	}
}

// coreTracer traces nothing; it carries the fields of the core's spans over to
// its log, which the core's own no-op tracer loses.
type coreTracer struct{}

func (coreTracer) StartSpan(ctx context.Context, _ string) (context.Context, trace.Span) {
	return ctx, coreSpan{}
}

type coreSpan struct{}

func (coreSpan) End()                   {}
func (coreSpan) SetStatus(error)        {}
func (coreSpan) Logger() corelog.Logger { return nil } // nil: the context's stays

func (coreSpan) WithField(ctx context.Context, key string, value any) context.Context {
	return corelog.WithLogger(ctx, corelog.G(ctx).WithField(key, value))
}

func (coreSpan) WithFields(ctx context.Context, fields corelog.Fields) context.Context {
	return corelog.WithLogger(ctx, corelog.G(ctx).WithFields(fields))
}
