package jetstream

import (
	"context"
	"time"
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
