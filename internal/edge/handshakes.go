package edge

import (
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/reactor"
)

// handshakes decides which handshakes of one worker may run, and which must make room.
type handshakes struct {
	// Fixed after init.
	srv  *shared
	loop *reactor.Loop
	took *histogram // how long those that succeed have computed

	// Owned by the loop.
	queue   *admission.HandshakeQueue[*conn]
	timer   reactor.Timer // of the next eviction
	changes uint64        // of queue
	results [numHandshakeResults]uint64
	resumed uint64 // of those that are ok
}

// count counts a handshake that has ended; resumed and since, when it started, are those of one that
// is ok.
func (h *handshakes) count(result HandshakeResult, resumed bool, since time.Duration) {
	h.results[result]++
	h.changes++
	if result != HandshakeOK {
		return
	}
	if resumed {
		h.resumed++
	}
	h.took.observe(h.now() - since)
}

// init prepares the zero value.
func (h *handshakes) init(srv *shared, loop *reactor.Loop, took *histogram) {
	h.srv, h.loop, h.took = srv, loop, took
	h.queue = admission.NewHandshakeQueue[*conn](1, 1)
	h.setSlots(srv.config())
}

// now returns the time since the server's start.
func (h *handshakes) now() time.Duration { return h.loop.Now().Sub(h.srv.start) }

// want starts the handshake of a connection that has sent its first bytes, or queues it. A queued
// connection costs no goroutine and no buffers.
func (h *handshakes) want(c *conn) {
	if c.waiter != nil {
		return
	}
	h.changes++
	c.waiter = &admission.Waiter[*conn]{Owner: c}
	unbounded := h.srv.config().Admission.Lifts(c.addr(), admission.BoundHandshakes)
	if h.queue.Arrive(h.now(), c.waiter, admission.NetworkOf(c.addr()), unbounded) {
		h.begin(c)
		return
	}
	h.evict()
}

func (h *handshakes) begin(c *conn) {
	srv := h.srv
	srv.handshaking.Add(1)
	h.changes++
	config, serves := srv.tlsConfig()
	c.serves = serves
	c.transport.Handshake(srv.gate, config, srv.config().HandOver)
}

// ended passes the slot of a handshake on to the queue.
func (h *handshakes) ended(c *conn) {
	h.srv.handshaking.Add(-1)
	h.leave(c)
	h.fillSlots()
}

// leave takes a connection out of the queue, if it is in it.
func (h *handshakes) leave(c *conn) {
	if c.waiter != nil {
		h.changes++
		h.queue.Leave(c.waiter)
		c.waiter = nil
	}
}

// fillSlots starts queued handshakes while there are free slots.
func (h *handshakes) fillSlots() {
	for t := h.queue.Next(h.now()); t != nil; t = h.queue.Next(h.now()) {
		if next := t.Owner; next.transport.IsFailing() {
			h.leave(next)
		} else {
			h.begin(next)
		}
	}
	h.evict()
}

// evict ends slow handshakes while others wait for their slots. It schedules itself for the next
// one.
func (h *handshakes) evict() {
	for {
		t, due := h.queue.NextEviction(h.now())
		if t == nil {
			if due > 0 {
				h.loop.Schedule(&h.timer, h, h.srv.start.Add(due))
			}
			return
		}
		h.changes++
		t.Owner.abort(HandshakeEvicted)
	}
}

// HandleTimer implements reactor.TimerHandler.
func (h *handshakes) HandleTimer(*reactor.Timer, time.Time) { h.evict() }

// setSlots sets this worker's share of the bounds on handshakes in flight.
func (h *handshakes) setSlots(cfg *snapshot) {
	each := cfg.Admission.Handshakes
	if each <= 0 {
		each = cfg.Handshakes
	}
	n := h.srv.workers
	h.queue.SetSlots(share(cfg.Handshakes, n), share(each, n))
}

// share returns a worker's part of a number, rounded up and at least 1, without overflow.
func share(total, workers int) int { return max(1, (total-1)/workers+1) }
