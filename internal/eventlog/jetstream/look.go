package jetstream

import (
	"errors"
	"fmt"
	"strconv"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/sse"
)

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
