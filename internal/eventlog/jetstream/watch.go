package jetstream

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// mark is the newest record that states the epoch. It must not leave the stream, or a node that
// starts would not know the epoch: it is stated again when a third of the limits lies behind it.
type mark struct {
	at    uint64
	seen  time.Time
	bytes int64 // of the records since
}

const (
	// watchInterval is how often it is checked that messages are answered.
	watchInterval = 250 * time.Millisecond
	// lookInterval is how often the stream is looked at while it is followed.
	lookInterval = 2 * time.Second
	// slowAfter is when a message without an answer makes its node ask who leads the stream.
	slowAfter = 500 * time.Millisecond
	// doubtAfter is when it makes its node ask another broker, too.
	doubtAfter = 1500 * time.Millisecond
)

// watch looks at the stream while it is followed, and at the brokers while messages are not answered.
func (s *session) watch() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	began := s.l.o.Now()
	looked := began
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		now := s.l.o.Now()
		err := s.doubt(s.l.waiting(began, now))
		if err == nil && now.Sub(looked) >= lookInterval {
			looked = now
			err = s.check()
		}
		if err != nil && s.ctx.Err() == nil {
			s.cancel(err)
			return
		}
	}
}

// check looks at the stream once. The error means that it is not the one that is followed. A
// question that is not answered is no error: the consumer's heartbeat decides about that.
func (s *session) check() error {
	l := s.l
	l.mu.Lock()
	read := l.position
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, lookInterval)
	defer cancel()
	stream, err := s.js.Stream(ctx, l.names.stream)
	switch {
	case errors.Is(err, js.ErrStreamNotFound):
		return errLookAgain
	case err != nil:
		return nil //nolint:nilerr // see above
	}
	seen := lookOf(stream.CachedInfo())
	if seen.created != s.created || seen.last < read.Seq {
		return errLookAgain
	}
	l.mu.Lock()
	l.status.LagRecords = 0
	if l.position.Epoch == read.Epoch && seen.last > l.position.Seq {
		l.status.LagRecords = seen.last - l.position.Seq
	}
	if l.status.LagTime > lookInterval && l.status.LagRecords == 0 {
		l.status.LagTime = 0 // that was the lag of what came before; nothing may come for long
	}
	m, now := l.mark, l.position
	isBehind := now.Seq < s.expected
	l.judgeLag(s, isBehind)
	s.expected = seen.last
	l.mu.Unlock()
	if isBehind && now.Seq+1 < seen.first {
		return errLookAgain // what it should read is gone, and nothing may come that tells
	}
	if l.isDue(&m, seen, now.Seq) && now.Epoch == read.Epoch {
		s.restate(ctx, &m, seen, now.Epoch, now.Seq)
	}
	return nil
}

// judgeLag makes a node that takes longer than a look to read what the log had one that is not
// ready: clients that come from others would be ahead of it. Guarded by mu.
func (l *Log) judgeLag(s *session, isBehind bool) {
	switch {
	case l.session != s:
	case isBehind && l.status.Ready:
		l.status.AwaySince = l.o.Now()
		l.setReady(false, "this node is slow to read the log")
		l.o.Logger.Warn("this node is slow to read the cluster's log", "position", l.position.String(), "end", s.expected)
	case !isBehind && !l.status.Ready:
		l.setReady(true, "")
	}
}

// isDue reports whether the epoch must be stated again.
func (l *Log) isDue(m *mark, seen look, position uint64) bool {
	limits := streamLimits(l.o.Limits())
	isFar := position > m.at && position-m.at > uint64(limits.Events)/3 // a node that catches up is before the mark
	return m.at < seen.first || isFar || m.bytes > limits.Bytes/3 ||
		l.o.Now().Sub(m.seen) > limits.Age/3
}

// restate states the epoch again. All nodes may try; one wins.
func (s *session) restate(ctx context.Context, m *mark, seen look, epoch string, position uint64) {
	s.l.mu.Lock()
	since := s.l.since
	s.l.mu.Unlock()
	r := epochRecord{epoch: epoch, since: since, created: seen.created}
	expected := m.at
	if m.at < seen.first {
		// The stream has none, or one that was not read here yet: it must not be contradicted.
		if position < seen.last {
			return
		}
		expected = 0
	}
	_, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: s.l.names.of(kindEpoch), Data: r.encode()},
		js.WithExpectLastSequencePerSubject(expected), js.WithMsgID("epoch-"+epoch+"-"+strconv.FormatUint(m.at, 36)))
	if err != nil && !isConflict(err) {
		s.l.o.Logger.Debug("the epoch could not be stated again", "err", err)
	}
}
