package jetstream

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// delivery is a record as a consumer brings it.
type delivery struct {
	js.Msg
	subject string
	data    []byte
	seq     js.SequencePair
}

func (d *delivery) Subject() string      { return d.subject }
func (d *delivery) Data() []byte         { return d.data }
func (d *delivery) Headers() nats.Header { return nil }

func (d *delivery) Metadata() (*js.MsgMetadata, error) {
	return &js.MsgMetadata{Sequence: d.seq}, nil
}

// A message that is registered after others were told that the epoch has changed must not have the former epoch: nobody
// would answer it.
func TestNothingIsRegisteredUnderAnEpochThatWasAbandoned(t *testing.T) {
	t.Parallel()
	var l *Log
	var former *pending
	l = New(Options{Name: "push", Node: "n", Boot: "b", Logger: slog.New(slog.DiscardHandler), Now: func() time.Time {
		// It is asked for the time at which the new epoch was read, while the position moves to it.
		if former != nil && len(former.done) > 0 {
			t.Error("a publisher was answered before the position has moved")
		}
		return time.Unix(1000, 0)
	}})
	l.Follow(hub.New(hub.Options{Epoch: "e1", IsShared: true}))
	l.order = order{epoch: "e1", position: 10}
	l.moved(0)
	former, _, _ = l.register(eventlog.Key{})

	s := &session{l: l}
	next := epochRecord{epoch: "e2", created: 1}
	if err := s.take(&delivery{subject: l.names.of(kindEpoch), data: next.encode(), seq: js.SequencePair{Consumer: 1, Stream: 11}}); err != nil {
		t.Fatal(err)
	}
	select {
	case out := <-former.done:
		if !errors.Is(out.err, errEpochChanged) {
			t.Errorf("the publisher is told %v", out.err)
		}
	default:
		t.Error("the publisher waits for an answer that cannot come")
	}
	if p, _, after := l.register(eventlog.Key{}); p.epoch != "e2" || after != 11 {
		t.Errorf("the next message is registered under %s, after %d", p.epoch, after)
	}
}

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

// Threat T48: a writer in the log can state any epoch. A node neither reuses it nor looks for a later one without end.
func TestT48TheEpochAfterAForgedOne(t *testing.T) {
	t.Parallel()
	epochAt := func(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 36) + "000" }
	now := time.Unix(1_800_000_000, 0)
	l := New(Options{Name: "push", NewEpoch: epochAt, Now: func() time.Time { return now }})
	for newest, want := range map[string]bool{
		"1":                               true,
		epochAt(now):                      true,
		epochAt(now.AddDate(3, 0, 0)):     true,
		strings.Repeat("z", sse.MaxEpoch): false,
	} {
		next, err := l.nextEpoch(&entry{epoch: newest})
		if (err == nil) != want || want && !sse.IsLaterEpoch(next, newest) {
			t.Errorf("after %s comes %q, %v", newest, next, err)
		}
	}
}

// A publisher can leave while its record is taken and cannot be applied. It must leave nothing behind that keeps the key.
func TestAPublisherThatLeavesMeanwhileIsNotRestored(t *testing.T) {
	t.Parallel()
	l := New(Options{Name: "push", Node: "n", Boot: "b", Now: time.Now})
	key := eventlog.Key{ID: "k"}
	p, id, _ := l.register(key)
	own := l.take(id)
	l.restore(id, own)
	if again, _, _ := l.register(key); own != p || again != nil {
		t.Error("a publisher that waits was not restored")
	}
	l.restore(id, l.take(id))
	own = l.take(id)
	l.forget(id, p)
	l.restore(id, own)
	if again, _, _ := l.register(key); again == nil {
		t.Error("the key is kept for a publisher that has left")
	}
}
