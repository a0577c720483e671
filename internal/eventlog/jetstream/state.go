package jetstream

import (
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// state is what outlives a session: what the log has come to, and who waits for an answer. A session
// and the publishers share it.
type state struct {
	// Fixed after creation.
	o     Options
	names subjects

	// Fixed after Follow.
	follower eventlog.Follower

	// Owned by Run.
	order      order
	asked      int    // the broker that was last asked for its opinion; owned by the session's watch
	configured Limits // that the stream was last given; zero: none yet

	peers peers // safe for concurrent use

	mu sync.Mutex

	// Guarded by mu.
	conn       *conn         // through which messages are appended; nil: none is ready
	changed    chan struct{} // closed when conn changes
	status     Status
	position   sse.ID
	pending    map[string]*pending // by Nats-Msg-Id
	number     uint64              // of the last id
	figures    Figures
	mark       mark
	since      uint64    // see order
	maxPayload int64     // of the brokers, as was last seen; 0: none was
	warned     time.Time // when it was last warned that the log cannot be followed
	warnedOf   string    // why it cannot, as was last warned
	fullSince  time.Time // when a broker said last that there is no room; zero: something was stored since
}

// mark is the newest record that states the epoch. It must not leave the stream, or a node that
// starts would not know the epoch: it is stated again when a third of the limits lies behind it.
type mark struct {
	at    uint64
	seen  time.Time
	bytes int64 // of the records since
}

func newState(o Options) state {
	return state{
		o: o, names: subjectsOf(o.Name),
		changed: make(chan struct{}), pending: make(map[string]*pending),
		figures: Figures{Appends: make([]uint64, len(AppendBounds)+1)},
	}
}

// connected notes that there is a broker.
func (st *state) connected(c *conn) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.maxPayload = c.nc.MaxPayload()
	st.status.Connected, st.status.Server = true, c.nc.ConnectedUrlRedacted()
}

// leastAsk and maxAsk bound one question to the brokers: see state.patience.
const (
	leastAsk = 500 * time.Millisecond
	maxAsk   = 5 * time.Second
)

// patience returns how long one question to the brokers may take. While they elect a leader, a question
// may find nobody and is lost: so at first it is soon asked again, and later more patiently, as brokers
// may be slow.
func (st *state) patience() time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.status.Ready {
		return maxAsk
	}
	return askPatience(st.o.Now().Sub(st.status.AwaySince))
}

// askPatience returns how long an answer may take when the log has been out of reach for so long.
func askPatience(away time.Duration) time.Duration { return min(max(leastAsk, away/8), maxAsk) }

// tellGap puts the follower behind what it does not get.
func (st *state) tellGap(v verdict, base sse.ID) {
	switch v {
	case begins:
		st.o.Logger.Info("the epoch of the log has changed", "position", base.String())
	case skip, void, deliver, suspect:
		st.o.Logger.Warn("records of the log were dropped before they were read here; streams are told of a gap", "position", base.String())
	case unknown, unsure:
	}
	st.mu.Lock()
	if v == begins {
		st.figures.EpochChanges++
	} else {
		st.figures.Gaps++
	}
	st.mu.Unlock()
	st.follower.Rebase(base)
}

// moved makes known how far the log was read.
func (st *state) moved(bytes int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.position, st.since = st.order.id(), st.order.since
	if st.mark.at != st.order.markAt {
		st.mark = mark{at: st.order.markAt, seen: st.o.Now()}
	}
	st.mark.bytes += int64(bytes)
}
