package jetstream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// opinionTimeout bounds what a broker is asked about who leads the stream.
const opinionTimeout = time.Second

const (
	// slowAfter is when a message without an answer makes its node ask who leads the stream.
	slowAfter = 500 * time.Millisecond
	// doubtAfter is when it makes its node ask another broker, too.
	doubtAfter = 1500 * time.Millisecond
	// silentAfter is when messages without an answer are reported: no election takes that long.
	silentAfter = 12 * time.Second
)

// opinion is what a broker says about the stream.
type opinion struct {
	isAnswered bool
	leader     string // the broker that leads it
}

// isBetter reports whether messages that are not answered by way of one broker may be by way of
// another: that one reaches a leader, and this one does not, or one of its own, which the majority
// may have given up. A broker that is cut off from the others believes for up to ten seconds that it
// leads.
func (o opinion) isBetter(than opinion) bool {
	return o.isAnswered && o.leader != "" && (!than.isAnswered || o.leader != than.leader)
}

// doubt asks why messages have waited for so long. A new leader may never have got them: they are
// sent again. The error means that another broker is better.
func (s *session) doubt(waited time.Duration) error {
	if waited < slowAfter {
		s.rival, s.isSilent = "", false
		return nil
	}
	if waited >= silentAfter && !s.isSilent {
		s.isSilent = true
		s.state.o.Logger.Warn("the brokers take no messages; see their logs: a disk may be full", "for", waited.Round(time.Second), "broker", s.url)
	}
	own := opinionOf(s.ctx, s.js, s.state.names.stream)
	if own.leader != "" && own.leader != s.leader {
		s.leader = own.leader
		s.resend()
	}
	if waited < doubtAfter {
		return nil
	}
	rival := s.rival
	if rival == "" {
		rival = s.state.otherThan(s.url)
	}
	switch {
	case rival == "":
	case !s.state.opinionAt(s.ctx, rival).isBetter(own):
		s.rival = ""
	case s.rival == "":
		s.rival = rival // asked once more: one answer may be late
	default:
		return &betterBrokerError{url: rival}
	}
	return nil
}

// otherThan returns another broker to ask, each one in turn; empty if there is none.
func (st *state) otherThan(url string) string {
	for range st.o.Servers {
		st.asked++
		if other := st.o.Servers[st.asked%len(st.o.Servers)]; other != url {
			return other
		}
	}
	return ""
}

// opinionAt connects to a broker and asks it.
func (st *state) opinionAt(parent context.Context, url string) opinion {
	ctx, cancel := context.WithTimeout(parent, 2*opinionTimeout)
	defer cancel()
	options, _, err := st.o.connectOptions(url)
	if err != nil {
		return opinion{}
	}
	nc, err := nats.Connect(url, append(options, nats.Timeout(opinionTimeout), nats.SetCustomDialer(dialer{ctx}))...)
	if err != nil {
		return opinion{}
	}
	defer nc.Close()
	stream, err := js.New(nc)
	if err != nil {
		return opinion{}
	}
	return opinionOf(ctx, stream, st.names.stream)
}

func opinionOf(parent context.Context, asked js.JetStream, stream string) opinion {
	ctx, cancel := context.WithTimeout(parent, opinionTimeout)
	defer cancel()
	s, err := asked.Stream(ctx, stream)
	if err != nil {
		return opinion{}
	}
	return opinion{isAnswered: true, leader: leaderOf(s.CachedInfo())}
}
