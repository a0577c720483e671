package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/sse"
)

// writeEpoch writes an epoch record, unless another node does so first.
func (s *session) writeEpoch(w *write, seen look) error {
	next, err := s.state.nextEpoch(seen.mark)
	if err != nil {
		return err
	}
	r := epochRecord{epoch: next, created: seen.created}
	ctx, cancel := s.ask()
	defer cancel()
	_, err = s.js.PublishMsg(ctx, &nats.Msg{Subject: s.state.names.of(kindEpoch), Data: r.encode()}, js.WithExpectLastSequence(w.last))
	if isConflict(err) {
		return nil // another record came first; the next look finds it
	}
	if err != nil {
		return fmt.Errorf("write an epoch record: %w", err)
	}
	if before := s.state.order.epoch; before == "" {
		s.state.o.Logger.Info("the log begins", "epoch", r.epoch, "after", w.last)
	} else {
		s.state.o.Logger.Warn("the log has lost records and begins a new epoch", "epoch", r.epoch, "after", w.last, "before", s.state.order.id().String())
	}
	return nil
}

// maxClockError is how far ahead the clock may have been that has made an epoch. An epoch that is
// later still was made by nobody's clock.
const maxClockError = 100 * 365 * 24 * time.Hour

// nextEpoch returns an epoch that is later than every one that is known.
func (st *state) nextEpoch(mark *entry) (string, error) {
	newest, now := st.order.epoch, st.o.Now()
	if mark != nil && sse.IsLaterEpoch(mark.epoch, newest) {
		newest = mark.epoch
	}
	for ahead := time.Duration(0); ahead <= maxClockError; ahead += 24 * time.Hour {
		if next := st.o.NewEpoch(now.Add(ahead)); sse.IsLaterEpoch(next, newest) {
			return next, nil
		}
	}
	return "", fmt.Errorf("no epoch comes after %q, which no node has made: delete the stream %s and restart all nodes", newest, st.names.stream)
}

// isConflict reports whether a record was refused because the stream does not end where it was
// expected to.
func isConflict(err error) bool {
	var fault *js.APIError
	return errors.As(err, &fault) && (fault.ErrorCode == js.JSErrCodeStreamWrongLastSequence || fault.ErrorCode == js.JSErrCodeStreamWrongLastSequenceConstant)
}

// isDue reports whether the epoch must be stated again.
func (st *state) isDue(m *mark, seen look, position uint64) bool {
	limits := streamLimits(st.o.Limits())
	isFar := position > m.at && position-m.at > uint64(limits.Events)/3 // a node that catches up is before the mark
	return m.at < seen.first || isFar || m.bytes > limits.Bytes/3 ||
		st.o.Now().Sub(m.seen) > limits.Age/3
}

// restate states the epoch again. All nodes may try; one wins.
func (s *session) restate(ctx context.Context, m *mark, seen look, epoch string, position uint64) {
	s.state.mu.Lock()
	since := s.state.since
	s.state.mu.Unlock()
	r := epochRecord{epoch: epoch, since: since, created: seen.created}
	expected := m.at
	if m.at < seen.first {
		// The stream has none, or one that was not read here yet: it must not be contradicted.
		if position < seen.last {
			return
		}
		expected = 0
	}
	_, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: s.state.names.of(kindEpoch), Data: r.encode()},
		js.WithExpectLastSequencePerSubject(expected), js.WithMsgID("epoch-"+epoch+"-"+strconv.FormatUint(m.at, 36)))
	if err != nil && !isConflict(err) {
		s.state.o.Logger.Debug("the epoch could not be stated again", "err", err)
	}
}
