package jetstream

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
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

	s := &session{state: &l.state}
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
