package edge

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// worker owns the connections of one event loop. All of it runs on that loop.
type worker struct {
	// Fixed after creation.
	srv   *Server
	index int
	loop  *reactor.Loop
	shard *hub.Shard
	rand  *rand.Rand

	// Owned by the loop.
	conns      []*conn // dense; a connection knows its slot
	lanes      lanes
	doomed     []*conn                          // to be closed at the end of a turn
	turnstile  *admission.HandshakeQueue[*conn] // who may have a handshake
	evictTimer reactor.Timer
	readBuf    []byte
	writeBuf   []byte // room for one framed chunk
	drain      drain
	walks      []*walk
	following  *overConns // gives streams the deadlines of a new configuration; nil: all have them
	overdue    []*conn    // streams that have had their time, to be ended
	dateAt     time.Time  // second for which dateText is right
	dateText   string

	// Counters, owned by the loop.
	inState       [numStates]int
	blocked       int // connections whose socket takes no bytes
	closed        [numCloseReasons]uint64
	refused       [numRefuseReasons]uint64
	streamsOpened uint64
	reinits       uint64
	deliveries    uint64

	load     workerLoad  // told to others at the end of each turn
	outdated atomic.Bool // set by any goroutine: there is a new configuration to follow
}

// readBufSize bounds one read: crypto/tls never shrinks its own buffer, so it is handed small ones.
const readBufSize = 4 << 10

func newWorker(srv *Server, index int, loop *reactor.Loop, h *hub.Hub, seed uint64) *worker {
	w := &worker{
		srv:      srv,
		index:    index,
		loop:     loop,
		rand:     rand.New(rand.NewPCG(seed, uint64(index))),
		readBuf:  make([]byte, readBufSize),
		writeBuf: make([]byte, chunkHead, recordMax),
		// Its places are set when all workers are there.
		turnstile: admission.NewHandshakeQueue[*conn](1, 1),
	}
	w.shard = h.NewShard(loop.Wake)
	loop.SetEndOfTurn(w.endOfTurn)
	return w
}

// now is the time since the server's start.
func (w *worker) now() time.Duration { return w.loop.Now().Sub(w.srv.start) }

// date is the value of the Date header, made once a second.
func (w *worker) date() string {
	if t := w.loop.Now().Truncate(time.Second); !t.Equal(w.dateAt) {
		w.dateAt = t
		w.dateText = t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return w.dateText
}

// jitter is d, up to a half more or less.
func (w *worker) jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + time.Duration(w.rand.Int64N(int64(d)+1))
}

// open takes an accepted socket over. The server has counted it already.
func (w *worker) open(fd int, peer netip.AddrPort, secure bool, as guest) {
	c := &conn{
		w:          w,
		id:         w.srv.nextConn.Add(1),
		peer:       peer,
		acceptedAt: w.now(),
		secure:     secure,
		as:         as,
	}
	if err := w.loop.Add(&c.src, fd, c); err != nil {
		w.refused[RefusedDescriptors]++
		w.srv.log.Debug("accepted socket cannot be watched", "peer", peer, "err", err)
		w.loop.Discard(fd)
		w.srv.release(c)
		return
	}
	c.slot = len(w.conns)
	w.conns = append(w.conns, c)
	w.inState[stateAccepted]++
	if !secure {
		c.wire = tlsconn.NewPlain(c)
		c.setState(stateReading)
		return
	}
	c.deadline(w.srv.config().HandshakeTimeout)
}

func (w *worker) remove(c *conn) {
	last := len(w.conns) - 1
	moved := w.conns[last]
	w.conns[c.slot] = moved
	moved.slot = c.slot
	w.conns[last] = nil
	w.conns = w.conns[:last]
}

// countRefusal counts an answer that turns a request away.
func (w *worker) countRefusal(a answer) {
	if reason, ok := refusalOf(a); ok {
		w.refused[reason]++
	}
}

// endOfTurn is the budgeted second half of a turn: events into queues, queues into records, connections to the grave.
func (w *worker) endOfTurn() (again bool) {
	if w.outdated.Load() && w.outdated.Swap(false) {
		w.reschedule()
	}
	walking := w.walkOn()
	if room := backlogBytes - w.lanes.backlog(w.shard.DeliveredBytes()); room > 0 {
		again = w.shard.Deliver(deliverBudget, room)
	} else {
		again = w.shard.Pending()
	}
	w.flushLanes()
	again = w.lanes.waiting() || again
	again = w.bury() || walking || again
	w.load.queued.Store(w.shard.QueuedBytes())
	w.load.blocked.Store(int64(w.blocked))
	return again
}

const (
	// buryBudget is how many connections one turn closes: with what the kernel holds for them that takes 10 to 30 µs each.
	buryBudget = 64
	// roomsPerClose is how many rooms a stream leaves in the time that it takes to close a connection.
	roomsPerClose = 16
)

// bury closes what has failed. It answers whether the next turn has to go on with it.
func (w *worker) bury() (again bool) {
	for budget := buryBudget; budget > 0 && len(w.doomed) > 0; budget-- {
		last := len(w.doomed) - 1
		c := w.doomed[last]
		w.doomed[last] = nil
		w.doomed = w.doomed[:last]
		if c.state != stateClosed {
			budget -= c.stream.Memberships() / roomsPerClose
			c.closeNow()
		}
	}
	w.drainProgress()
	return len(w.doomed) > 0
}
