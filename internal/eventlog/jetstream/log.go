package jetstream

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// Options are what a Log needs. Those without a comment that says otherwise are required.
type Options struct {
	Servers     []string                    // URLs of brokers: nats:// or tls://
	Name        string                      // of the cluster, see CheckName
	Node        string                      // of this node, see CheckName
	Boot        string                      // different at each start
	Replicas    int                         // brokers that keep the log: 1 to 5
	Credentials string                      // a file with a user's JWT and seed, or with a seed alone; "": none
	TLS         func() (*tls.Config, error) // asked for each connection; nil, or a nil Config: as the URLs say
	Limits      func() Limits
	NewEpoch    func(now time.Time) string
	Now         func() time.Time
	Logger      *slog.Logger
	// Kicked is called for each kick that comes while the log is followed, and for those before it
	// that still refuse clients. It must not wait. nil: kicks are ignored.
	Kicked func(Kick)
	// Hello returns what other nodes are told of this one; the log fills in what it knows itself.
	// nil: nothing else.
	Hello func() Hello
	// Answer answers a question of another node. nil: none is answered.
	Answer func(ctx context.Context, data json.RawMessage) json.RawMessage
}

// Limits are those of the stream; they are the cluster's.
type Limits struct {
	Events       int
	Bytes        int64
	Age          time.Duration
	DedupWindow  time.Duration // how long a key is remembered by the brokers
	MessageBytes int           // the longest data of a message
}

// Kick is what an operator has asked of every node. One of ID, Room and All is set.
type Kick struct {
	ID     string
	Room   string
	All    bool
	Refuse time.Duration // from now on
}

// Log implements eventlog.Log on a stream of NATS JetStream.
type Log struct {
	// Fixed after creation.
	o      Options
	names  subjects
	closed chan struct{} // closed by Close
	room   *semaphore.Weighted

	// Fixed after Follow.
	follower eventlog.Follower

	// Owned by Run.
	order      order
	brokers    brokers
	asked      int    // the broker that was last asked for its opinion; owned by the session's watch
	configured Limits // that the stream was last given; zero: none yet

	peers peers // safe for concurrent use

	mu sync.Mutex

	// Guarded by mu.
	isClosed   bool
	session    *session      // through which messages are appended; nil: none is ready
	changed    chan struct{} // closed when session changes
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

var _ eventlog.Log = (*Log)(nil)

// New returns a Log. It does nothing before Run.
func New(o Options) *Log {
	return &Log{
		o: o, names: subjectsOf(o.Name), brokers: newBrokers(o.Servers), closed: make(chan struct{}),
		room:    semaphore.NewWeighted(inFlightBytes),
		changed: make(chan struct{}), pending: make(map[string]*pending),
		figures: Figures{Appends: make([]uint64, len(AppendBounds)+1)},
	}
}

// Follow implements eventlog.Log. It is called before Run.
func (l *Log) Follow(f eventlog.Follower) {
	if l.follower != nil {
		panic("jetstream: internal error: a log is followed twice")
	}
	l.follower = f
}

// Position implements eventlog.Log.
func (l *Log) Position() sse.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.position
}

// Close implements eventlog.Log: messages that wait for their answer get none. Run goes on.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isClosed {
		l.isClosed = true
		close(l.closed)
	}
}

// Pauses between sessions.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 500 * time.Millisecond
	// calmAfter is how long a session has to last for the pauses to begin anew.
	calmAfter = 10 * time.Second
)

// Run follows the log until ctx ends, and takes up the thread whenever it was lost.
func (l *Log) Run(ctx context.Context) {
	l.mu.Lock()
	l.status.AwaySince = l.o.Now()
	l.mu.Unlock()
	pause := firstPause
	var lost lossWatch
	for ctx.Err() == nil {
		began := l.o.Now()
		err := l.runSession(ctx, &lost)
		if ctx.Err() != nil {
			l.leave(nil)
			return
		}
		l.leave(err)
		if l.o.Now().Sub(began) > calmAfter {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// LookAgain has the stream looked at again, and given the limits that Options.Limits returns now.
func (l *Log) LookAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session != nil {
		l.session.cancel(errLookAgain)
	}
}

// enter makes a session that has caught up the one through which messages are appended.
func (l *Log) enter(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
	l.announce()
	l.setReady(true, "")
}

// warnInterval is the least time between two warnings that the log cannot be followed: what hinders it
// may change with each broker that is tried.
const warnInterval = 5 * time.Second

// leave is the end of a session; err is what ended it, nil for the end of Run.
func (l *Log) leave(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	why := ""
	if err != nil {
		why = err.Error()
	}
	if l.session != nil {
		l.session = nil
		l.announce()
		l.status.AwaySince = l.o.Now()
		l.warned, l.warnedOf = l.o.Now(), why
		if err != nil {
			l.o.Logger.Warn("the cluster's log is out of reach", "err", err)
		}
	} else if why != l.warnedOf && why != "" && l.o.Now().Sub(l.warned) > warnInterval {
		l.warned, l.warnedOf = l.o.Now(), why
		l.o.Logger.Warn("the cluster's log cannot be followed", "err", err)
	}
	l.status.Connected = false
	l.setReady(false, why)
}

// announce wakes all who wait for another session. Guarded by mu.
func (l *Log) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// setReady is guarded by mu.
func (l *Log) setReady(ready bool, why string) {
	l.status.Why = why
	if l.status.Ready == ready {
		return
	}
	l.status.Ready = ready
	if ready {
		l.o.Logger.Info("the cluster's log is followed", "cluster", l.o.Name, "node", l.o.Node, "server", l.status.Server, "position", l.position.String())
	}
}

// subjects are what the names of a cluster lead to.
type subjects struct {
	stream string
	prefix string // of the records
	ctl    string // of what nodes tell each other
}

func subjectsOf(name string) subjects {
	return subjects{stream: "hassesd-" + name, prefix: "hassesd." + name + ".log.", ctl: "hassesd." + name + ".ctl."}
}

func (s subjects) of(k kind) string { return s.prefix + string(k) }

func (s subjects) all() string { return s.prefix + "*" }

func (s subjects) kind(subject string) kind { return kind(strings.TrimPrefix(subject, s.prefix)) }
