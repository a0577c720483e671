package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// refusals counts and logs what is refused.
type refusals struct {
	count func(reason string) // fixed

	mu          sync.Mutex // guards the limiters
	connections logLimiter
	commands    logLimiter
}

// refuseConnection counts and logs a connection that is not served.
func (r *refusals) refuseConnection(log *slog.Logger, reason api.Refusal, attrs ...slog.Attr) {
	r.count(string(reason))
	level, missing := r.level(&r.connections)
	attrs = append(attrs, slog.String("reason", string(reason)))
	log.LogAttrs(context.Background(), level, "control connection refused", append(attrs, missing...)...)
}

// refuseCommand counts and logs a command that gets an error instead of a result.
func (r *refusals) refuseCommand(log *slog.Logger, e *api.Error, attrs ...slog.Attr) {
	reason := refusalOf(e)
	r.count(string(reason))
	all := []slog.Attr{slog.String("reason", string(reason)), slog.String("err", safetext.ASCII(e.Message))}
	level, missing := r.level(&r.commands)
	log.LogAttrs(context.Background(), level, "control command refused", append(append(attrs, all...), missing...)...)
}

// cutOff counts and logs a connection that is ended while it is served.
func (r *refusals) cutOff(log *slog.Logger, reason api.Refusal) {
	r.count(string(reason))
	log.Info("control connection cut off", "reason", string(reason))
}

func (r *refusals) level(l *logLimiter) (slog.Level, []slog.Attr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.level(time.Now())
}
