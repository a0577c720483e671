package edge

import (
	"errors"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/http2"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// protoHTTP2 is how ALPN names HTTP/2 over TLS (RFC 9113, section 3.2).
const protoHTTP2 = "h2"

const (
	// idleTime is how long an HTTP/2 connection without a stream is kept.
	idleTime = 30 * time.Second
	// failTime is how long the GOAWAY that ends a connection may take to leave.
	failTime = time.Second
)

// h2conn is what a connection that speaks HTTP/2 has beside other connections: streams, each with a
// subscriber.
type h2conn struct {
	c       *conn
	mux     http2.Conn
	due     time.Duration // when the timer expires, since the server's start; 0: never
	carries int32         // streams, as occupancy counts them
	begun   bool          // a request has come
	missed  bool          // streams were not marked ready while the connection was blocked
	passed  bool          // in the record under way, a replay has passed over much that is not for its stream
	counted bool          // the end of a stream was counted
	idle    bool          // the timer runs out for want of streams
	first   h2stream      // the one that most connections have
}

// startHTTP2 turns a connection that has just been opened to HTTP/2.
func (c *conn) startHTTP2() {
	w := c.w
	c.h2 = &h2conn{c: c}
	w.occupancy.add(c.transport.IsSecure())
	c.h2.mux.Start(w.now(), w.sharedOfHTTP2(), c.h2)
	if w.srv.draining() {
		c.h2.mux.GoAway(http2.NoError)
	}
	c.schedule(scheduler.High) // our settings
}

// sharedOfHTTP2 returns what a connection of HTTP/2 that begins now shares with others: those before
// the last change of the configuration keep to what they were told.
func (w *worker) sharedOfHTTP2() *http2.Shared {
	cfg := w.srv.config()
	limits := http2.Limits{
		HeaderBytes: cfg.RequestBytes,
		Streams:     cfg.StreamsPerConnection,
		HeaderTable: cfg.HeaderTable,
	}
	if w.http2 == nil || w.http2.Limits() != limits {
		w.http2 = http2.NewShared(limits)
	}
	return w.http2
}

// isWaiting reports whether no request has come yet.
func (h *h2conn) isWaiting() bool { return !h.begun && h.c.transport.State() == transport.Open }

// take takes a share of what the client sent. It returns the rest, and how many records' time the
// answers have cost.
func (h *h2conn) take(p []byte) (rest []byte, records int) {
	c := h.c
	rest, err := h.mux.Receive(c.w.now(), p)
	if err != nil {
		return nil, h.failed(err)
	}
	if h.missed || h.mux.MayHaveOutput() {
		return rest, c.visit()
	}
	h.countStreams()
	h.sent() // the client may have reset its last stream
	return rest, 0
}

// countStreams counts how many streams the connection carries now.
func (h *h2conn) countStreams() {
	if n := int32(len(h.mux.Streams())); n != h.carries {
		h.c.w.occupancy.move(int(h.carries), int(n))
		h.carries = n
	}
}

// failed ends the connection for a mistake of the client, after a GOAWAY. It returns how many records'
// time that has cost.
func (h *h2conn) failed(err error) (records int) {
	c := h.c
	c.w.srv.log.Debug("HTTP/2 connection failed", "conn", c.id, "peer", c.peer(), "err", err)
	reason := HTTP2Failed
	var failure *http2.ConnError
	if errors.As(err, &failure) && failure.Code == http2.EnhanceYourCalm {
		reason = HTTP2Flood
		c.violation(admission.ProtocolBroken)
	}
	c.reason = reason
	h.counted = false // by each stream that is open now, or else once
	c.transport.Finish()
	c.w.failed.add(h)
	records = c.visit()
	c.setTimeout(failTime)
	return records
}

// endFailed ends one stream of a connection that has failed.
func endFailed(h *h2conn) (cost int, more bool) {
	cost, more = h.endStreams(1)
	return max(lookCost, cost), more
}

// endStreams ends streams of a connection that is over, until the budget (see walks) is spent. It
// returns what that has cost, and whether any stream is left.
func (h *h2conn) endStreams(budget int) (cost int, more bool) {
	for streams := h.mux.Streams(); len(streams) > 0; streams = h.mux.Streams() {
		if cost >= budget {
			return cost, true
		}
		st := h2streamOf(streams[len(streams)-1])
		cost += endingCost(st.sub)
		h.mux.Forget(&st.Stream)
		st.over(h.c.reason)
	}
	return cost, false
}

// nextRecord is NextRecord of a connection that speaks HTTP/2.
func (h *h2conn) nextRecord(spent int) (p []byte, cost int, later bool) {
	w := h.c.w
	if spent >= recordsPerVisit && (spent >= scheduler.Budget || !h.hasMuch()) {
		h.c.schedule(scheduler.Low)
		return nil, 0, true
	}
	looks := 0
	if h.missed {
		h.missed = false
		looks = len(h.mux.Streams()) / looksPerRecord
		for _, s := range h.mux.Streams() {
			if st := h2streamOf(s); st.hasPayload() {
				h.mux.HaveData(s)
			}
		}
	}
	h.passed = false
	looked := w.shard.ReplayWork()
	p = h.mux.AppendFrames(w.writeBuf[:0], http1.RecordMax)
	cost = looks + int((w.shard.ReplayWork()-looked)/replayPerRecord)
	if len(p) == 0 && h.passed {
		h.c.schedule(scheduler.Low)
		return nil, cost, true
	}
	return p, cost, false
}

// hasMuch reports whether more than visitBytes wait for the streams whose client has room for some.
func (h *h2conn) hasMuch() bool {
	n := 0
	for s := range h.mux.Ready {
		if n += h2streamOf(s).queued(); n > visitBytes {
			return true
		}
	}
	return false
}

// sent ends a connection whose last stream has ended after GOAWAY, and gives another without a
// stream its time.
func (h *h2conn) sent() {
	if len(h.mux.Streams()) > 0 || h.c.transport.State() != transport.Open {
		return
	}
	if h.mux.IsGoingAway() {
		h.c.finish(h.c.endReason())
		return
	}
	if !h.idle { // frames that are no requests prolong nothing
		h.idle = true
		h.setTimer()
	}
}

// endReason returns why a connection ends that has no streams left.
func (c *conn) endReason() CloseReason {
	if c.w.srv.draining() {
		return Drained
	}
	return Idle
}

// setTimer sets the one timer of the connection to what must happen next.
func (h *h2conn) setTimer() {
	cfg := h.c.w.srv.config()
	streams := h.mux.Streams()
	if len(streams) == 0 {
		wait := idleTime
		if !h.begun {
			wait = cfg.RequestTimeout
		}
		h.setDue(h.c.w.now() + wait)
		return
	}
	h.due = 0
	for _, s := range streams {
		if next := h2streamOf(s).next(&cfg.timing); next > 0 && (h.due == 0 || next < h.due) {
			h.due = next
		}
	}
	h.setDue(h.due)
}

func (h *h2conn) setDue(at time.Duration) {
	h.due = at
	if at == 0 {
		h.c.transport.ClearDeadline()
		return
	}
	h.c.transport.SetDeadline(h.c.w.srv.start.Add(at))
}

// atLatest makes the timer expire no later than next, when something must happen to a stream; 0:
// nothing must.
func (h *h2conn) atLatest(next time.Duration) {
	if next > 0 && (h.due == 0 || next < h.due || len(h.mux.Streams()) == 1) {
		h.setDue(next)
	}
}

// expired does what is due: streams that have had their time are ended, silent ones are kept alive,
// all in one record.
func (h *h2conn) expired() {
	c, w := h.c, h.c.w
	if len(h.mux.Streams()) == 0 {
		if h.mux.IsMidFrame() {
			c.violation(admission.RequestTimeout)
		}
		h.mux.GoAway(http2.NoError)
		if h.begun {
			c.finish(Idle)
			return
		}
		c.finish(RequestTimeout)
		return
	}
	timing, now := &w.srv.config().timing, w.now()
	streams := slices.Clone(h.mux.Streams())
	for _, s := range streams {
		h2streamOf(s).check(timing, now)
	}
	if h.mux.MayHaveOutput() {
		c.schedule(scheduler.Normal)
	}
	h.setTimer()
}

// goAway tells the client to open no more streams here.
func (h *h2conn) goAway() {
	h.mux.GoAway(http2.NoError)
	h.c.schedule(scheduler.High)
}

// closed is called when the descriptor has been closed and no stream is left. It reports whether the
// end of any stream was counted.
func (h *h2conn) closed() bool {
	h.c.w.occupancy.remove(h.c.transport.IsSecure(), int(h.carries))
	return h.counted
}

// check returns what is wrong, or an empty string. It is for tests.
func (h *h2conn) check() string {
	if fault := h.mux.Check(); fault != "" {
		return fault
	}
	p := h.c.node.Priority()
	for _, s := range h.mux.Streams() {
		st := h2streamOf(s)
		if st.isLive() && !st.sub.Empty() && !st.isBlocked() && p == scheduler.None {
			return "a stream of HTTP/2 has something to send and its connection is not scheduled"
		}
	}
	return ""
}
