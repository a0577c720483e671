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

// pending is a record that was published here and was not read back.
type pending struct {
	epoch       string
	from        string       // tells it from a record of the same id that another node has published
	fingerprint string       // see eventlog.Key
	since       time.Time    // when it was first about to be published
	done        chan outcome // has room for one
	wasSent     bool         // it may be in the log; owned by its publisher

	isOver bool // its publisher has left; guarded by state.mu
}

// outcome is what became of it.
type outcome struct {
	receipt *eventlog.Receipt
	err     error
}

// mark is the newest record that states the epoch. It must not leave the stream, or a node that
// starts would not know the epoch: it is stated again when a third of the limits lies behind it.
type mark struct {
	at    uint64
	seen  time.Time
	bytes int64 // of the records since
}

// Status is how the log is at one moment.
type Status struct {
	Ready      bool          // it is followed, and everything it had was read
	Connected  bool          // to a broker
	Server     string        // the broker's URL, without user and password
	Why        string        // why it is not ready; "" if it is, or not yet known
	AwaySince  time.Time     // when it was last ready, if it is not; at first, when Run began
	LagRecords uint64        // that the log has, as was last seen, and this node has not read
	LagTime    time.Duration // how old the newest record was when it was read; 0 once a long lag is over
}

// AppendBounds are the upper bounds of the buckets of Figures.Appends.
var AppendBounds = []time.Duration{ //nolint:gochecknoglobals // a constant in all but the language
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second,
	5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Figures are counters since the start.
type Figures struct {
	EpochChanges uint64        // the first epoch included
	Gaps         uint64        // streams were told of a gap because records were missed
	Appends      []uint64      // appended messages by how long that took, see AppendBounds; the last one is beyond
	AppendTime   time.Duration // of all of them
	// ConnectFailures counts attempts to connect to the brokers by why they failed.
	ConnectFailures [connectFailures]uint64
}

func (f *Figures) appended(took time.Duration) {
	i := 0
	for i < len(AppendBounds) && took > AppendBounds[i] {
		i++
	}
	f.Appends[i]++
	f.AppendTime += took
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

// patience returns how long one question to the brokers may take. While they elect a leader, a
// question may be lost: so it is asked again soon at first, and later with more patience, as brokers
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

// enter makes the connection of a session that has caught up the one through which messages are appended.
func (st *state) enter(c *conn) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.conn = c
	st.announce()
	st.setReady(true, "")
}

// warnInterval is the least time between two warnings that the log cannot be followed: what hinders it
// may change with each broker that is tried.
const warnInterval = 5 * time.Second

// leave is the end of a session; err is what ended it, nil for the end of Run.
func (st *state) leave(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	why := ""
	if err != nil {
		why = err.Error()
	}
	if st.conn != nil {
		st.conn = nil
		st.announce()
		st.status.AwaySince = st.o.Now()
		st.warned, st.warnedOf = st.o.Now(), why
		if err != nil {
			st.o.Logger.Warn("the cluster's log is out of reach", "err", err)
		}
	} else if why != st.warnedOf && why != "" && st.o.Now().Sub(st.warned) > warnInterval {
		st.warned, st.warnedOf = st.o.Now(), why
		st.o.Logger.Warn("the cluster's log cannot be followed", "err", err)
	}
	st.status.Connected = false
	st.setReady(false, why)
}

// announce wakes all who wait for another connection. Guarded by mu.
func (st *state) announce() {
	close(st.changed)
	st.changed = make(chan struct{})
}

// setReady is guarded by mu.
func (st *state) setReady(ready bool, why string) {
	st.status.Why = why
	if st.status.Ready == ready {
		return
	}
	st.status.Ready = ready
	if ready {
		st.o.Logger.Info("the cluster's log is followed", "cluster", st.o.Name, "node", st.o.Node, "server", st.status.Server, "position", st.position.String())
	}
}

// judgeLag makes a node that takes longer than a look to read what the log had one that is not
// ready: clients that come from others would be ahead of it. Guarded by mu.
func (st *state) judgeLag(c *conn, isBehind bool, end uint64) {
	switch {
	case st.conn != c:
	case isBehind && st.status.Ready:
		st.status.AwaySince = st.o.Now()
		st.setReady(false, "this node is slow to read the log")
		st.o.Logger.Warn("this node is slow to read the cluster's log", "position", st.position.String(), "end", end)
	case !isBehind && !st.status.Ready:
		st.setReady(true, "")
	}
}
