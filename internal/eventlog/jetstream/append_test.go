package jetstream

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// A message that was never sent to a broker is refused because the log is away, or closed; so is one
// that waits behind others for room.
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

// A message that no broker has taken is published under the new epoch once there is one, also if its
// publisher waits for the next session when the epoch begins.
func TestAMessageThatWasNotTakenGoesOnUnderTheNewEpoch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, s := followed(t, &fakeBroker{leader: "b0", refusal: js.ErrNoStreamResponse})
		done := appendOne(t.Context(), l)
		synctest.Wait()
		s.cancel(errLookAgain)
		l.leave(errLookAgain)
		pass(2 * retryPause)

		l.order = order{epoch: "e2", position: 11}
		l.moved(0)
		l.abandon("e2")
		f := &fakeBroker{leader: "b0"}
		ctx, cancel := context.WithCancelCause(t.Context())
		l.enter(&conn{js: f, ctx: ctx, cancel: cancel, again: make(chan struct{})})
		synctest.Wait()
		waiting := slices.Collect(maps.Values(l.pending)) // its publisher takes it out once it is answered
		if f.attempts() != 1 || len(waiting) != 1 {
			t.Fatalf("the message was sent %d times, and %d are waited for", f.attempts(), len(waiting))
		}
		p := waiting[0]
		if p.epoch != "e2" {
			t.Errorf("it was sent under the epoch %s", p.epoch)
		}
		p.done <- outcome{receipt: eventlog.NewSettledReceipt(l.Position(), 0)}
		if err := <-done; err != nil {
			t.Errorf("its publisher is told %v", err)
		}
	})
}
