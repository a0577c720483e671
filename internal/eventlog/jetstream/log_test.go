package jetstream

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// A stream that seemed to have lost records must seem so for a while with brokers that answer. Time without them does not
// count.
func TestTheWatchForLossBeginsAnewWithoutBrokers(t *testing.T) {
	t.Parallel()
	l := New(Options{Servers: []string{"nats://127.0.0.1:4222"}, Name: "push", Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	lost := lossWatch{since: time.Unix(1000, 0)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no broker is reached
	if err := l.runSession(ctx, &lost); err == nil || !lost.since.IsZero() {
		t.Errorf("%v; the watch began at %v", err, lost.since)
	}
}
