package api

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// errorLog is the handler behind the logger that net/http writes its errors to. What clients cause
// is logged at level debug, everything else as a warning.
type errorLog struct{ to slog.Handler }

// clientErrors begin the lines of net/http that any client can cause as often as it likes.
var clientErrors = []string{"http: TLS handshake error", "http: URL query contains semicolon"}

// Enabled implements slog.Handler.
func (e errorLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (e errorLog) Handle(ctx context.Context, r slog.Record) error {
	level := slog.LevelWarn
	if slices.ContainsFunc(clientErrors, func(begin string) bool { return strings.HasPrefix(r.Message, begin) }) {
		level = slog.LevelDebug
	}
	if !e.to.Enabled(ctx, level) {
		return nil
	}
	own := slog.NewRecord(r.Time, level, "http server of api.listen", 0)
	own.AddAttrs(slog.String("message", strings.TrimSpace(r.Message)))
	return e.to.Handle(ctx, own)
}

// WithAttrs implements slog.Handler. net/http has no attributes.
func (e errorLog) WithAttrs([]slog.Attr) slog.Handler { return e }

// WithGroup implements slog.Handler.
func (e errorLog) WithGroup(string) slog.Handler { return e }
