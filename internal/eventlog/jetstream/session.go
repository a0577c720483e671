package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/sse"
)

// session is one connection to a broker, and one consumer on it. It is never continued: whatever
// goes wrong ends it, and the next one looks at the stream before anything is read or published.
type session struct {
	*conn // fixed after creation

	state *state // which outlives it

	// Owned by Run, and then by watch.
	leader string // the broker that leads the stream, as was last heard; "": there is one broker

	// Owned by watch.
	expected uint64 // what the stream had at the look before
	isSilent bool   // it was reported that messages are not answered
	rival    string // URL of a broker that was better when it was asked last; "": none was

	// Owned by Run.
	consumed uint64        // number of the newest delivery of the consumer
	caughtUp bool          // everything that the stream had at the start was read
	target   uint64        // what it had
	created  int64         // when the stream was, see order
	skew     time.Duration // of the broker's clock: what is added to its times
}

// ask returns a context for one question.
func (s *session) ask() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, s.state.patience())
}

// look asks what the stream is.
func (s *session) look() (look, error) {
	ctx, cancel := s.ask()
	defer cancel()
	stream, err := s.js.Stream(ctx, s.state.names.stream)
	if err != nil {
		return look{}, err
	}
	info := stream.CachedInfo()
	if err := s.state.checkStream(info); err != nil {
		return look{}, err
	}
	s.leader = leaderOf(info)
	seen := lookOf(info)
	if !info.TimeStamp.IsZero() {
		s.skew = s.state.o.Now().Sub(info.TimeStamp)
	}
	msg, err := stream.GetLastMsgForSubject(ctx, s.state.names.of(kindEpoch))
	if errors.Is(err, js.ErrMsgNotFound) {
		return seen, nil
	}
	if err != nil {
		return look{}, err
	}
	r, err := decodeEpoch(msg.Data)
	if err != nil {
		return look{}, fmt.Errorf("epoch record %d: %w", msg.Sequence, err)
	}
	seen.mark = &entry{seq: msg.Sequence, kind: kindEpoch, readable: true, epoch: r.epoch, since: r.since, created: r.created}
	seen.last = max(seen.last, msg.Sequence) // it may have come in between
	return seen, nil
}

// checkStream returns an error if the stream is not one that a log can be kept in.
func (st *state) checkStream(info *js.StreamInfo) error {
	c := &info.Config
	switch {
	case !slices.Equal(c.Subjects, []string{st.names.all()}):
		return fmt.Errorf("the stream %s has the subjects %q and not %q: it belongs to something else; choose another cluster.name", c.Name, c.Subjects, st.names.all())
	case c.Retention != js.LimitsPolicy || c.Discard != js.DiscardOld || c.MaxMsgsPerSubject > 0:
		return fmt.Errorf("the stream %s does not keep the newest records by limits alone; delete it, and a node makes it as it must be", c.Name)
	}
	return nil
}

// end returns where the stream ends, for people.
func (l *look) end() string {
	if l.mark == nil {
		return strconv.FormatUint(l.last, 10) + " without an epoch"
	}
	return sse.ID{Epoch: l.mark.epoch, Seq: l.last}.String()
}

// leaderOf returns the name of the broker that leads the stream; empty if there is only one.
func leaderOf(info *js.StreamInfo) string {
	if info.Cluster == nil {
		return ""
	}
	return info.Cluster.Leader
}

func lookOf(info *js.StreamInfo) look {
	seen := look{created: info.Created.UnixNano(), first: max(1, info.State.FirstSeq), last: info.State.LastSeq}
	if info.State.Msgs == 0 {
		seen.first = seen.last + 1
	}
	return seen
}
