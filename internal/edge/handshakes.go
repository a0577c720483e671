package edge

import (
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// evictAfter is how long a handshake may last when others wait for its place. A browser needs two round trips; whoever
// holds a place with half a ClientHello must not keep it from others until the deadline.
const evictAfter = time.Second

// wantHandshake starts the handshake of a connection whose first bytes have come, or lets it wait for its turn: until
// then it costs no goroutine and no buffers.
func (w *worker) wantHandshake(c *conn) {
	if c.queued {
		return
	}
	if w.handshaking >= w.handshakeLimit() {
		c.queued = true
		w.waiting = append(w.waiting, c)
		w.evict()
		return
	}
	w.beginHandshake(c)
}

func (w *worker) beginHandshake(c *conn) {
	w.handshaking++
	w.srv.shaking.Add(1)
	c.startHandshake()
}

// handshakeLimit is this worker's share of limits.handshakes.
func (w *worker) handshakeLimit() int {
	n := len(w.srv.workers)
	return max(1, (w.srv.config().Handshakes+n-1)/n)
}

// handshakeEnded gives the place of a handshake to those who wait.
func (w *worker) handshakeEnded(c *conn) {
	w.handshaking--
	w.srv.shaking.Add(-1)
	if !c.evicted {
		w.handshakes.remove(c)
	}
	for len(w.waiting) > 0 && w.handshaking < w.handshakeLimit() {
		next := w.waiting[0]
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		if next.state == stateAccepted && !next.doomed {
			w.beginHandshake(next)
		}
	}
	if len(w.waiting) == 0 {
		w.waiting = nil
	}
	w.evict()
}

// evict tells the oldest handshakes to end, one for each that waits, if they have lasted long enough; if not, it comes
// back when they have.
func (w *worker) evict() {
	ending := w.handshaking - w.handshakes.n // their places are promised already
	for n := len(w.waiting) - ending; n > 0; n-- {
		oldest := w.handshakes.first
		if oldest == nil {
			return
		}
		due := oldest.lastWrite + evictAfter
		if due > w.now() {
			w.loop.Schedule(&w.evictTimer, (*evictor)(w), w.srv.start.Add(due))
			return
		}
		w.handshakes.remove(oldest)
		oldest.evicted = true
		oldest.abort(HandshakeEvicted)
	}
}

// evictor is the worker in the hands of its evictTimer.
type evictor worker

// HandleTimer implements reactor.TimerHandler.
func (e *evictor) HandleTimer(*reactor.Timer, time.Time) { (*worker)(e).evict() }
