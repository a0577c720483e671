package jetstream

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// A message that was never sent to a broker is refused for the reason that the log is away, or closed; also one that waits
// behind others for room.
func TestWhyAMessageIsNotSent(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	draft, err := eventlog.NewDraft(eventlog.Message{To: []names.Target{names.Everything}, Event: sse.Event{Data: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		before func(l *Log)
		want   error
	}{
		{"no broker", func(*Log) {}, eventlog.ErrAway},
		{"no broker, and many wait for it", func(l *Log) { l.room.TryAcquire(inFlightBytes) }, eventlog.ErrAway},
		{"a broker that is behind", func(l *Log) { l.conn = &conn{}; l.room.TryAcquire(inFlightBytes) }, eventlog.ErrBusy},
		{"closed", (*Log).Close, eventlog.ErrClosed},
	} {
		l := New(Options{Now: time.Now})
		tc.before(l)
		if _, err := l.Append(ended, draft); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}
