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
	w *worker

	// Any goroutine may read these, and set waiter.
	latest   atomic.Pointer[figures]
	volumes  volumes
	underway atomic.Bool                   // a turn may have done something that the figures do not show yet
	waiter   atomic.Pointer[chan struct{}] // closed at the end of the turn; nil: nobody waits

	// Owned by the loop.
	timer   reactor.Timer // of the next snapshot
	begun   bool          // a copy of underway, cheaper to read
	changes uint64        // changesOf the worker when latest was made
}

// init publishes the first figures, which are all zero.
func (b *figureBoard) init(w *worker) {
	b.w = w
	b.latest.Store(&figures{at: w.loop.Now()})
	w.loop.Schedule(&b.timer, b, w.loop.Now().Add(figuresIdle))
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
	b.volumes.publish(b.w)
	if changes := b.w.changesSoFar(); changes != b.changes || b.w.loop.Now().Sub(b.latest.Load().at) >= figuresIdle {
		b.changes = changes
		b.publish(b.w.count())
	}
	b.begun = false
	b.underway.Store(false)
	if b.waiter.Load() != nil {
		close(*b.waiter.Swap(nil))
	}
}

func (b *figureBoard) publish(now figures) {
	now.at = b.w.loop.Now()
	b.latest.Store(&now)
	b.w.loop.Schedule(&b.timer, b, now.at.Add(figuresIdle))
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

// changesSoFar returns a number that changes whenever the result of count does.
func (w *worker) changesSoFar() uint64 {
	n := w.changes + w.subs.Changes() + w.handshakes.changes + w.occupancy.changes
	for _, a := range w.acceptors {
		n += a.Stats().Shed
	}
	return n
}

// count returns the current counters.
func (w *worker) count() figures {
	f := figures{
		connections:       len(w.conns),
		streams:           w.subs.Streaming(),
		streamsOpened:     w.subs.Opened(),
		reinits:           w.subs.Reinits(),
		http2:             w.occupancy.conns,
		http2Secure:       w.occupancy.secure,
		mostStreams:       w.occupancy.most,
		closed:            w.closed,
		refused:           w.refused,
		keepers:           w.transport.Keepers(),
		handshakes:        w.handshakes.queue.Running(),
		handshakesWaiting: w.handshakes.queue.Waiting(),
		handshakeResults:  w.handshakes.results,
		handshakesResumed: w.handshakes.resumed,
		replays:           w.shard.Replays(),
	}
	for k := range f.streamsOf {
		f.streamsOf[k] = w.subs.StreamingOf(uint8(k))
	}
	f.mostHandshakesOf, f.mostHandshakes = w.handshakes.queue.Most()
	for _, a := range w.acceptors {
		f.refused[RefusedDescriptors] += a.Stats().Shed
	}
	return f
}

// publish stores the counters that have changed: a load is cheaper than a store to a line that
// other CPUs have cached.
func (v *volumes) publish(w *worker) {
	dropped := w.shard.Dropped()
	storeInt(&v.queuedBytes, w.shard.QueuedBytes())
	storeInt(&v.blocked, int64(w.transport.Blocked()))
	storeUint(&v.deliveries, w.subs.Deliveries())
	storeUint(&v.fannedOutBytes, w.shard.FannedOutBytes())
	storeUint(&v.droppedClose, dropped.Close)
	storeUint(&v.droppedOldest, dropped.Oldest)
	storeUint(&v.droppedLatest, dropped.Latest)
	storeUint(&v.sentBytes, w.transport.Sent())
	storeInt(&v.slowestTurn, int64(w.timings.slowest.max()))
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

// Stats is a copy of the server's counters.
type Stats struct {
	Connections, Streams int
	HTTP                 []HTTPStats // for each version of HTTP, without TLS and with it: all, always in the same order
	Peak                 int         // most connections at one time
	Limit                int         // the bound on connections
	StreamsOpened        uint64
	Reinits              uint64
	Deliveries           uint64
	FannedOutBytes       uint64
	SentBytes            uint64 // given to sockets, without what TLS adds
	Replays              hub.Replays
	Handshakes           int               // in flight
	HandshakeResults     map[string]uint64 // of those that have ended
	HandshakesResumed    uint64            // of those that are ok
	Loops                []LoopStats
	Closed               map[string]uint64
	Refused              map[string]uint64
	Records              map[string]uint64 // handshakes that succeeded, by tlsconn.Keeper
	Dropped              hub.Dropped       // events that slow streams did not get
	Timings              Timings
}

// Timings are what the workers have measured.
type Timings struct {
	Turns      Histogram     // of the event loops, without their waits
	Handshakes Histogram     // of TLS, that succeeded
	Deliveries Histogram     // of a sample of events, from their publishing until the socket had taken their last byte
	Lag        time.Duration // the longest turn of the last 15 seconds at least, or the present one if it is longer
}

// HTTPStats is what is served over one version of HTTP.
type HTTPStats struct {
	Version     string // 1.0, 1.1 or 2
	TLS         bool
	Connections int // that carry streams; over HTTP/2 also those that have none now
	Streams     int
}

// LoopStats is the load of one worker.
type LoopStats struct {
	Connections, Streams int
	Age                  time.Duration // of the figures of this loop
	Stuck                bool          // they are so old that the loop does not turn
}

// Stats adds up the figures that the workers have published. It posts to no loop, and waits at most
// settleTime for turns in progress. A stuck loop shows as stuck.
func (s *Server) Stats(now time.Time) Stats {
	late := time.NewTimer(settleTime)
	defer late.Stop()
	for _, w := range s.workers {
		w.figures.settled(late.C)
	}
	return s.Published(now)
}

// Published is Stats without waiting: it leaves out turns in progress.
func (s *Server) Published(now time.Time) Stats {
	out := Stats{
		Peak:    int(s.peak.Load()),
		Limit:   s.ConnectionLimit(),
		HTTP:    make([]HTTPStats, numKinds),
		Closed:  make(map[string]uint64, numCloseReasons),
		Refused: make(map[string]uint64, numRefuseReasons),
		Records: make(map[string]uint64, tlsconn.NumKeepers),

		HandshakeResults: make(map[string]uint64, numHandshakeResults),

		Timings: Timings{Turns: newHistogram(), Handshakes: newHistogram(), Deliveries: newHistogram()},
	}
	for k := range out.HTTP {
		out.HTTP[k].Version, out.HTTP[k].TLS = kind(k).version().String(), kind(k).secure()
	}
	for reason := range numRefuseReasons {
		out.Refused[reason.String()] += s.refused[reason].Load()
	}
	for _, w := range s.workers {
		out.add(&w.figures, now)
		out.Timings.Turns.add(&w.timings.turns)
		out.Timings.Handshakes.add(&w.timings.handshakes)
		out.Timings.Deliveries.add(&w.timings.deliveries)
	}
	return out
}

func (out *Stats) add(b *figureBoard, now time.Time) {
	f := b.latest.Load()
	age := max(0, now.Sub(f.at))
	out.Loops = append(out.Loops, LoopStats{Connections: f.connections, Streams: f.streams, Age: age, Stuck: age >= stuckAfter})
	out.Connections += f.connections
	out.Streams += f.streams
	for k, n := range f.streamsOf {
		out.HTTP[k].Streams += n
		if kind(k).version() != http20 {
			out.HTTP[k].Connections += n // each carries one
		}
	}
	out.HTTP[kindOf(http20, true)].Connections += f.http2Secure
	out.HTTP[kindOf(http20, false)].Connections += f.http2 - f.http2Secure
	out.StreamsOpened += f.streamsOpened
	out.Reinits += f.reinits
	out.Handshakes += f.handshakes
	out.Deliveries += b.volumes.deliveries.Load()
	out.FannedOutBytes += b.volumes.fannedOutBytes.Load()
	out.Dropped.Close += b.volumes.droppedClose.Load()
	out.Dropped.Oldest += b.volumes.droppedOldest.Load()
	out.Dropped.Latest += b.volumes.droppedLatest.Load()
	out.SentBytes += b.volumes.sentBytes.Load()
	out.Timings.Lag = max(out.Timings.Lag, time.Duration(b.volumes.slowestTurn.Load()), age-figuresIdle)
	out.Replays.Complete += f.replays.Complete
	out.Replays.Gap += f.replays.Gap
	out.Replays.Overtaken += f.replays.Overtaken
	out.HandshakesResumed += f.handshakesResumed
	for result := range numHandshakeResults {
		out.HandshakeResults[result.String()] += f.handshakeResults[result]
	}
	for reason := range numCloseReasons {
		out.Closed[reason.String()] += f.closed[reason]
	}
	for reason := range numRefuseReasons {
		out.Refused[reason.String()] += f.refused[reason]
	}
	for keeper, n := range f.keepers {
		out.Records[tlsconn.Keeper(keeper).String()] += n
	}
}

// LimitsInfo is the current use of the admission limits.
type LimitsInfo struct {
	Connections, Peak, ConnectionLimit int
	Handshakes, HandshakeLimit         int // in flight
	HandshakesWaiting                  int // for a slot
	Streams, StreamLimit               int // 0: no bound
	MostStreams, MostStreamsLimit      int // of one HTTP/2 connection
	MostHandshakes                     int // of one network
	MostHandshakesOf                   admission.Network
	Refused                            map[string]uint64
	FannedOutBytes                     uint64
	Admission                          admission.Stats
}

// Limits returns the current use of the limits, from the published figures and the table of
// networks. It lists at most `penalized` penalized networks.
func (s *Server) Limits(now time.Time, penalized int) LimitsInfo {
	st := s.Stats(now)
	out := LimitsInfo{
		Connections:     st.Connections,
		Peak:            st.Peak,
		ConnectionLimit: st.Limit,
		HandshakeLimit:  s.config().Handshakes,
		Streams:         int(s.streams.Load()),
		StreamLimit:     int(s.streamsMost.Load()),
		Handshakes:      st.Handshakes,
		Refused:         st.Refused,
		FannedOutBytes:  st.FannedOutBytes,
		Admission:       s.admission.Stats(now.Sub(s.start), penalized),
	}
	if cfg := s.config(); cfg.HTTP2 {
		out.MostStreamsLimit = cfg.StreamsPerConnection
	}
	most := make(map[admission.Network]int)
	for _, w := range s.workers {
		f := w.figures.latest.Load()
		out.HandshakesWaiting += f.handshakesWaiting
		out.MostStreams = max(out.MostStreams, f.mostStreams)
		if f.mostHandshakes > 0 {
			most[f.mostHandshakesOf] += f.mostHandshakes
		}
	}
	for n, running := range most {
		if running > out.MostHandshakes {
			out.MostHandshakesOf, out.MostHandshakes = n, running
		}
	}
	return out
}

// Load is the memory that streams make the daemon and the kernel hold.
type Load struct {
	QueuedBytes int64 // has still to be sent; streams share the events, so this is not memory
	Blocked     int   // connections whose client does not take what the kernel holds for it
}

// Load returns the load at the end of each loop's last turn. It costs next to nothing.
func (s *Server) Load() Load {
	var l Load
	for _, w := range s.workers {
		l.QueuedBytes += w.figures.volumes.queuedBytes.Load()
		l.Blocked += int(w.figures.volumes.blocked.Load())
	}
	return l
}
