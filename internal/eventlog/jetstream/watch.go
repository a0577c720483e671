package jetstream

import (
	"context"
	"errors"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// watchInterval is how often it is checked that messages are answered.
	watchInterval = 250 * time.Millisecond
	// lookInterval is how often the stream is looked at while it is followed.
	lookInterval = 2 * time.Second
)

// watch looks at the stream while it is followed, and at the brokers while messages are not answered.
func (s *session) watch() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	began := s.state.o.Now()
	looked := began
	for {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return
		}
		now := s.state.o.Now()
		err := s.doubt(s.state.waiting(began, now))
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
	st := s.state
	st.mu.Lock()
	read := st.position
	st.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, lookInterval)
	defer cancel()
	stream, err := s.js.Stream(ctx, st.names.stream)
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
	st.mu.Lock()
	st.status.LagRecords = 0
	if st.position.Epoch == read.Epoch && seen.last > st.position.Seq {
		st.status.LagRecords = seen.last - st.position.Seq
	}
	if st.status.LagTime > lookInterval && st.status.LagRecords == 0 {
		st.status.LagTime = 0 // that was the lag of what came before; nothing may come for long
	}
	m, now := st.mark, st.position
	isBehind := now.Seq < s.expected
	st.judgeLag(s.conn, isBehind, s.expected)
	s.expected = seen.last
	st.mu.Unlock()
	if isBehind && now.Seq+1 < seen.first {
		return errLookAgain // what it should read is gone, and no record may follow that shows it
	}
	if st.isDue(&m, seen, now.Seq) && now.Epoch == read.Epoch {
		s.restate(ctx, &m, seen, now.Epoch, now.Seq)
	}
	return nil
}
