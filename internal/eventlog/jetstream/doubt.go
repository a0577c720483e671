package jetstream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// opinionTimeout bounds what a broker is asked about who leads the stream.
const opinionTimeout = time.Second

// silentAfter is when messages without an answer are reported: no election takes that long.
const silentAfter = 12 * time.Second

// betterBrokerError ends a session at a broker that has lost the others.
type betterBrokerError struct{ url string }

func (e *betterBrokerError) Error() string {
	return "messages are not answered by way of this broker, and " + e.url + " has the leader of the log; going there"
}

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

// waiting returns for how long the oldest message has waited for its answer since the session began.
func (l *Log) waiting(began, now time.Time) (longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pending {
		since := p.since
		if since.Before(began) {
			since = began
		}
		longest = max(longest, now.Sub(since))
	}
	return longest
}

// doubt asks why messages have waited for so long. A leader that has changed may never have got them:
// they are sent again. The error means that another broker is better.
func (s *session) doubt(waited time.Duration) error {
	if waited < slowAfter {
		s.rival, s.isSilent = "", false
		return nil
	}
	if waited >= silentAfter && !s.isSilent {
		s.isSilent = true
		s.l.o.Logger.Warn("the brokers take no messages; see their logs: a disk may be full", "for", waited.Round(time.Second), "broker", s.url)
	}
	own := opinionOf(s.ctx, s.js, s.l.names.stream)
	if own.leader != "" && own.leader != s.leader {
		s.leader = own.leader
		s.resend()
	}
	if waited < doubtAfter {
		return nil
	}
	rival := s.rival
	if rival == "" {
		rival = s.l.otherThan(s.url)
	}
	switch {
	case rival == "":
	case !s.l.opinionAt(s.ctx, rival).isBetter(own):
		s.rival = ""
	case s.rival == "":
		s.rival = rival // asked once more: one answer may be late
	default:
		return &betterBrokerError{url: rival}
	}
	return nil
}

// resend has all messages sent again that wait for their answer. It does no harm if they have come:
// they have an id.
func (s *session) resend() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	close(s.again)
	s.again = make(chan struct{})
}

// sendAgain returns a channel that resend closes.
func (s *session) sendAgain() <-chan struct{} {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.again
}

// otherThan returns another broker to ask, each one in turn; empty if there is none.
func (l *Log) otherThan(url string) string {
	for range l.o.Servers {
		l.asked++
		if other := l.o.Servers[l.asked%len(l.o.Servers)]; other != url {
			return other
		}
	}
	return ""
}

// opinionAt connects to a broker and asks it.
func (l *Log) opinionAt(parent context.Context, url string) opinion {
	ctx, cancel := context.WithTimeout(parent, 2*opinionTimeout)
	defer cancel()
	options, _, err := l.o.connectOptions(url)
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
	return opinionOf(ctx, stream, l.names.stream)
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
