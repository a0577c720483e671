package edge

import (
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// figures are a worker's counters of connections and streams at one moment. They are immutable once
// published.
type figures struct {
	at                   time.Time
	connections, streams int
	streamsOf            [numKinds]int
	http2, http2Secure   int // connections
	mostStreams          int // of one HTTP/2 connection
	streamsOpened        uint64
	reinits              uint64
	closed               [numCloseReasons]uint64
	refused              [numRefuseReasons]uint64
	keepers              [tlsconn.NumKeepers]uint64

	handshakes, handshakesWaiting int
	handshakeResults              [numHandshakeResults]uint64
	handshakesResumed             uint64
	replays                       hub.Replays
	mostHandshakes                int // of one network
	mostHandshakesOf              admission.Network
}

// volumes are the counters that change with every event. They are atomics, since publishing a
// snapshot would allocate in every turn.
type volumes struct {
	queuedBytes    atomic.Int64
	blocked        atomic.Int64 // connections
	deliveries     atomic.Uint64
	fannedOutBytes atomic.Uint64
	droppedClose   atomic.Uint64
	droppedOldest  atomic.Uint64
	droppedLatest  atomic.Uint64
	sentBytes      atomic.Uint64
	slowestTurn    atomic.Int64 // nanoseconds, of the last lagWindow at least
}

const (
	// figuresIdle is the maximum time between two snapshots: an idle loop shows that it still
	// turns.
	figuresIdle = time.Second
	// stuckAfter is the age of a snapshot at which the loop counts as stuck. No turn takes that
	// long, even on a busy machine.
	stuckAfter = 5 * time.Second
	// settleTime is how long Stats waits for turns in progress, so that it counts what a client may
	// have seen already, such as the end of its stream. Stats does not post to the loop, and does
	// not wait longer for a longer turn.
	settleTime = 100 * time.Millisecond
)

// figureBoard is where a worker publishes its figures, so that nobody needs to ask its loop.
type figureBoard struct {
	// Fixed after init.
	loop *reactor.Loop
	of   counter

	// Any goroutine may read these, and set waiter.
	latest   atomic.Pointer[figures]
	volumes  volumes
	underway atomic.Bool                   // a turn may have done something that the figures do not show yet
	waiter   atomic.Pointer[chan struct{}] // closed at the end of the turn; nil: nobody waits

	// Owned by the loop.
	timer   reactor.Timer // of the next snapshot
	begun   bool          // a copy of underway, cheaper to read
	changes uint64        // changesSoFar when latest was made
}

// counter is a worker as its board sees it.
type counter interface {
	// count returns the current counters.
	count() figures
	// changesSoFar returns a number that changes whenever the result of count does.
	changesSoFar() uint64
	// countVolumes stores what it has of the volumes.
	countVolumes(v *volumes)
}

// init publishes the first figures, which are all zero.
func (b *figureBoard) init(loop *reactor.Loop, of counter) {
	b.loop, b.of = loop, of
	b.latest.Store(&figures{at: loop.Now()})
	loop.Schedule(&b.timer, b, loop.Now().Add(figuresIdle))
}

// begin marks that this turn may do something visible before it ends.
func (b *figureBoard) begin() {
	if !b.begun {
		b.begun = true
		b.underway.Store(true)
	}
}

// end publishes the worker's figures at the end of a turn, if they have changed.
func (b *figureBoard) end() {
	b.of.countVolumes(&b.volumes)
	if changes := b.of.changesSoFar(); changes != b.changes || b.loop.Now().Sub(b.latest.Load().at) >= figuresIdle {
		b.changes = changes
		b.publish(b.of.count())
	}
	b.begun = false
	b.underway.Store(false)
	if b.waiter.Load() != nil {
		close(*b.waiter.Swap(nil))
	}
}

func (b *figureBoard) publish(now figures) {
	now.at = b.loop.Now()
	b.latest.Store(&now)
	b.loop.Schedule(&b.timer, b, now.at.Add(figuresIdle))
}

// HandleTimer implements reactor.TimerHandler. The end of the turn does the work.
func (b *figureBoard) HandleTimer(*reactor.Timer, time.Time) {}

// settled waits for the end of the turn in progress, if any, or until late.
func (b *figureBoard) settled(late <-chan time.Time) {
	if !b.underway.Load() {
		return
	}
	ended := make(chan struct{})
	for !b.waiter.CompareAndSwap(nil, &ended) {
		if other := b.waiter.Load(); other != nil {
			ended = *other // another goroutine waits for the same turn
			break
		}
	}
	if !b.underway.Load() {
		return // it ended meanwhile; the next one closes the channel
	}
	select {
	case <-ended:
	case <-late:
	}
}

func storeInt(to *atomic.Int64, v int64) {
	if to.Load() != v {
		to.Store(v)
	}
}

func storeUint(to *atomic.Uint64, v uint64) {
	if to.Load() != v {
		to.Store(v)
	}
}
