package edge

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/http2"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/keymem"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
	"github.com/hassesd/hassesd/internal/tlsrecord"
)

// worker owns the connections and subscribers of one event loop, and runs on that loop.
type worker struct {
	// Fixed after creation.
	srv   *shared
	index int
	loop  *reactor.Loop
	shard *hub.Shard
	rand  *rand.Rand

	// Owned by the loop.
	transport  transport.Loop
	subs       subscriber.Set
	conns      []*conn // dense; a connection knows its slot
	acceptors  []*reactor.Acceptor
	queues     *scheduler.Queues[conn]
	closing    []*conn // to be closed at the end of a turn
	handshakes handshakes
	timings    timings
	occupancy  occupancy
	whenEmpty  func()        // called at the end of a turn that leaves no connection; nil: nothing waits for that
	away       time.Duration // how much longer than retry: clients wait that a drain sends away, see comeBack
	walks      walks
	following  *downwards                      // gives streams the deadlines of a new configuration; nil: all have them
	overdue    endings[*subscriber.Subscriber] // that have had their time
	tooSlow    endings[*h2stream]              // that have overflowed
	failed     endings[*h2conn]                // whose streams are still open

	inputs   inputs
	posts    posts
	h1conns  map[*conn]*h1conn // of those that publish in HTTP/1
	http2    *http2.Shared     // of the connections that begin now; nil before the first
	date     date
	writeBuf []byte           // room for one framed chunk
	fields   []exchange.Field // room for the fields of a response
	fields2  []http2.Field    // the same for HTTP/2
	closed   [numCloseReasons]uint64
	refused  [numRefuseReasons]uint64
	changes  uint64 // of these and of conns

	figures  figureBoard // what others may know
	hotKeys  int         // bytes that Records has
	outdated atomic.Bool // set by any goroutine: there is a new configuration to follow
}

const (
	// readBufSize bounds one read.
	readBufSize = 4 << 10
	// maxFields is room for the fields of any response.
	maxFields = 16
)

func newWorker(srv *shared, index int, loop *reactor.Loop, h *hub.Hub, seed uint64) *worker {
	w := &worker{
		srv:   srv,
		index: index,
		loop:  loop,
		shard: h.NewShard(loop.Wake),
		rand:  rand.New(rand.NewPCG(seed, uint64(index))),
		transport: transport.Loop{Reactor: loop, ReadBuffer: make([]byte, readBufSize), Records: tlsconn.NewRecords(tlsrecord.Options{
			Memory: keymem.Map,
			Seed:   seed + uint64(index),
		})},
		queues:   scheduler.New(func(c *conn) *scheduler.Node[conn] { return &c.node }),
		walks:    walks{wake: loop.Wake},
		h1conns:  make(map[*conn]*h1conn),
		writeBuf: make([]byte, http1.ChunkHead, http1.RecordMax),
		fields:   make([]exchange.Field, 0, maxFields),
	}
	w.overdue = endings[*subscriber.Subscriber]{walks: &w.walks, end: w.endOverdue}
	w.tooSlow = endings[*h2stream]{walks: &w.walks, end: endSlow}
	w.failed = endings[*h2conn]{walks: &w.walks, end: endFailed}
	w.subs = subscriber.Set{Shard: w.shard, Start: srv.start, Jitter: w.jitter}
	w.timings.clock, w.timings.shard = srv.clock, w.shard
	w.handshakes.init(srv, loop, &w.timings.handshakes)
	w.posts = posts{srv: srv, loop: loop, figures: &w.figures}
	w.figures.init(loop, w)
	return w
}

// now returns the time since the server's start.
func (w *worker) now() time.Duration { return w.loop.Now().Sub(w.srv.start) }

// jitter returns a random duration between d/2 and 3d/2.
func (w *worker) jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + time.Duration(w.rand.Int64N(int64(d)+1))
}

// comeBack returns how long a client that is sent away in a drain should wait. If the daemon is to
// be restarted, nothing accepts connections until the window has passed: so each client waits for a
// whole window, and clients return at the pace at which they left. If other servers take over,
// clients wait as at any other time.
func (w *worker) comeBack() time.Duration { return w.jitter(w.srv.config().Retry) + w.away }

// retryAfter returns how long a deferred subscriber should wait.
func (w *worker) retryAfter(cfg *snapshot) time.Duration {
	if w.srv.draining() {
		return w.comeBack()
	}
	return w.jitter(2 * cfg.Retry)
}

// refuse counts a refusal.
func (w *worker) refuse(reason RefuseReason) {
	w.refused[reason]++
	w.changes++
}

// remove takes a closed connection out of the list.
func (w *worker) remove(c *conn) {
	last := len(w.conns) - 1
	moved := w.conns[last]
	w.conns[c.slot] = moved
	moved.slot = c.slot
	w.conns[last] = nil
	w.conns = w.conns[:last]
}

// overConns visits the connections; see downwards.
func (w *worker) overConns(visit func(*conn) (cost int)) *downwards {
	return newDownwards(func() int { return len(w.conns) }, func(i int) int { return visit(w.conns[i]) })
}

// overSubscribers visits the subscribers; see downwards.
func (w *worker) overSubscribers(visit func(*subscriber.Subscriber) (cost int)) *downwards {
	return newDownwards(w.subs.Len, func(i int) int { return visit(w.subs.At(i)) })
}

// ask runs fn on the worker's loop, and waits for it or for ctx.
func (w *worker) ask(ctx context.Context, fn func()) error {
	done := make(chan struct{})
	if err := w.loop.PostWait(ctx, func() {
		w.figures.begin()
		fn()
		close(done)
	}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fitHotKeys gives the keys that are ready to seal their part of the memory. While memory runs
// short, that is none: making a key again costs time and no lasting memory.
func (w *worker) fitHotKeys() {
	bytes := w.srv.config().HotKeys / w.srv.workers
	if w.srv.memoryLow.Load() {
		bytes = 0
	}
	if bytes != w.hotKeys {
		w.hotKeys = bytes
		w.transport.Records.SetHotBytes(bytes)
	}
}

// date caches the value of the Date header for a second.
type date struct {
	at   time.Time // second for which text is right
	text string
}

func (d *date) of(now time.Time) string {
	if t := now.Truncate(time.Second); !t.Equal(d.at) {
		d.at = t
		d.text = t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	return d.text
}

// walk starts a walk from another goroutine and waits until it has ended, which it does at the latest
// when ctx does. begin is called on the loop.
func (w *worker) walk(ctx context.Context, begin func() (step func() (cost int, more bool))) error {
	ended := make(chan struct{})
	err := w.loop.PostWait(ctx, func() { w.walks.start(ctx, begin(), func() { close(ended) }) })
	if err != nil {
		return err
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return ctx.Err()
}
