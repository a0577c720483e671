package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
)

// read reads until something goes wrong.
func (s *session) read(messages js.MessagesContext) error {
	for {
		msg, err := messages.Next(js.NextContext(s.ctx))
		switch {
		case s.ctx.Err() != nil:
			return context.Cause(s.ctx)
		case err != nil:
			return fmt.Errorf("follow the log: %w", err)
		}
		if err := s.take(msg); err != nil {
			return err
		}
		s.progress()
	}
}

// take applies one record.
func (s *session) take(msg js.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	if meta.Sequence.Consumer != s.consumed+1 {
		return errors.New("follow the log: a delivery was lost on the way")
	}
	s.consumed++
	r := readRecord(s.state.names.kind(msg.Subject()), msg.Headers().Get(js.MsgIDHeader), msg.Data())
	r.entry.seq = meta.Sequence.Stream
	r.from, r.print = msg.Headers().Get(fromHeader), msg.Headers().Get(printHeader)
	v, base := s.state.order.next(&r.entry)
	if v == suspect {
		return errLookAgain
	}
	if base != nil {
		s.state.tellGap(v, *base)
	}
	switch v {
	case deliver:
		err = s.deliver(&r, meta.Timestamp)
	case unknown:
		s.state.o.Logger.Error("a record of the log cannot be read; streams are told of a gap", "number", r.entry.seq, "err", r.fault)
	case skip, void, begins, unsure, suspect:
	}
	if err != nil {
		return err
	}
	s.state.moved(len(msg.Data()))
	if v == begins {
		s.state.abandon(base.Epoch)
	}
	return nil
}

// deliver gives a record that counts to the follower, and answers its publisher if that is here. at
// is when the broker got it, by its clock.
func (s *session) deliver(r *record, at time.Time) error {
	st := s.state
	now := st.o.Now()
	age := max(0, now.Sub(at.Add(s.skew)))
	own := st.take(r.entry.id)
	var receipt *eventlog.Receipt
	if r.kick != nil {
		k := r.kick.kick
		if k.Refuse = max(0, k.Refuse-age); st.o.Kicked != nil && (own != nil || s.caughtUp || k.Refuse > 0) {
			st.o.Kicked(k)
		}
	} else {
		if own != nil && own.from == r.from {
			receipt = eventlog.NewReceipt(st.order.id())
		}
		rec, err := r.message.record(r.entry.seq, now.Add(-age), receipt)
		if err != nil {
			st.o.Logger.Error("a record of the log is damaged; streams are told of a gap", "number", r.entry.seq, "err", err)
			st.tellGap(unknown, st.order.id())
			return nil
		}
		for !st.follower.Apply(rec) {
			select {
			case <-st.follower.Space():
			case <-s.ctx.Done():
				// It was not applied: the next session reads it again.
				st.order.takeBack(&r.entry)
				st.restore(r.entry.id, own)
				return context.Cause(s.ctx)
			}
		}
	}
	st.mu.Lock()
	st.status.LagTime = age
	st.position = st.order.id() // before the publisher can go on
	st.stored(now.Add(-age))
	st.mu.Unlock()
	switch {
	case own == nil:
	case own.from == r.from:
		own.done <- outcome{receipt: receipt}
	default:
		own.done <- duplicateOf(own, st.order.id(), r.print)
	}
	return nil
}

// progress makes the session the one that appends once it has read what there was.
func (s *session) progress() {
	if !s.caughtUp && s.state.order.position >= s.target {
		s.caughtUp = true
		s.state.enter(s.conn)
	}
}
