package edge

import (
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/edge/http2"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/hub"
)

// h2stream is one stream of an HTTP/2 connection: a request and its answer, which may be a subscriber's.
type h2stream struct {
	http2.Stream
	sub    *subscriber.Subscriber // of the first stream: its connection's
	h      *h2conn
	edges  *edges          // goes out before and after the queue; nil: nothing
	agent  commonText      // User-Agent, cut; the client's text
	named  *netip.AddrPort // the client that a trusted proxy has named; nil: the connection's
	endBy  time.Duration   // what waits may take until then, once it is ending; since the server's start
	reason CloseReason
	isOver bool // the answer has ended, and was counted
	isSlow bool // it has overflowed: nothing more of it goes out, it would leave a gap
	isDue  bool // it has had its time, and a walk ends it

	post *post // the request in work, of a POST that publishes; nil: none
}

// edges are what goes out around the queue of a stream, at its beginning or its end.
type edges struct {
	front []byte // the first frame, or the body of a finite answer
	tail  []byte
}

// len returns how many bytes there are.
func (e *edges) len() int {
	if e == nil {
		return 0
	}
	return len(e.front) + len(e.tail)
}

// around returns the stream's edges, to put something there.
func (st *h2stream) around() *edges {
	if st.edges == nil {
		st.edges = new(edges)
	}
	return st.edges
}

// furtherStream is a stream of an HTTP/2 connection that has, or had, another one.
type furtherStream struct {
	h2stream
	sub subscriber.Subscriber
}

// h2streamOf returns what carries a stream.
func h2streamOf(s *http2.Stream) *h2stream { return s.Owner().(*h2stream) }

var (
	_ http2.Owner = (*h2stream)(nil)
	_ stream      = (*h2stream)(nil)
)

// client returns the address of the stream's client: a proxy's connection carries streams of many.
func (st *h2stream) client() netip.AddrPort {
	if st.named != nil {
		return *st.named
	}
	return st.h.c.client()
}

// finish ends the stream with what waits for it, for which there is a time.
func (st *h2stream) finish(reason CloseReason) {
	st.reason = reason
	st.endBy = st.h.c.w.now() + transport.DrainTime
	st.h.mux.End(&st.Stream)
	st.h.atLatest(st.endBy)
}

// reset ends the stream at once.
func (st *h2stream) reset(reason CloseReason) {
	if !st.IsOpen() || st.h.c.transport.State() == transport.Closed {
		return
	}
	st.h.mux.Reset(&st.Stream, http2.Cancel)
	st.over(reason)
	st.h.c.schedule(scheduler.High)
}

// over is the end of the answer. The request may still be coming.
func (st *h2stream) over(reason CloseReason) {
	if st.isOver {
		return
	}
	st.isOver = true
	c := st.h.c
	if st.post != nil {
		st.post.abandon()
		st.post = nil
	}
	if st.sub.State() != subscriber.None {
		c.w.srv.closeStream(st.client().Addr())
		st.sub.Stop()
	}
	st.edges = nil
	st.h.counted = true
	c.w.closed[reason]++
	c.w.changes++
}

// next returns when the next thing must happen to the stream; 0: never.
func (st *h2stream) next(t *subscriber.Timing) time.Duration {
	if st.endBy > 0 {
		return st.endBy
	}
	if st.sub.State() == subscriber.Streaming && !st.isDue {
		return st.sub.Next(t)
	}
	return 0
}

// check does what is due.
func (st *h2stream) check(t *subscriber.Timing, now time.Duration) {
	switch {
	case st.endBy > 0:
		if now >= st.endBy {
			st.reset(st.reason)
		}
	case st.sub.State() != subscriber.Streaming || st.isDue || st.isSlow:
	case st.sub.Expired(t, now) != subscriber.NotExpired:
		st.isDue = true
		st.h.c.w.overdue.add(st.sub)
	case st.sub.Heartbeat(t, now, t.HeartbeatInterval/4, !st.isBlocked() && st.edges.len() == 0):
		st.h.mux.HaveData(&st.Stream)
	}
}

// Subscriber implements subscriber.Carrier.
func (st *h2stream) Subscriber() *subscriber.Subscriber { return st.sub }

// Set implements subscriber.Carrier.
func (st *h2stream) Set() *subscriber.Set { return &st.h.c.w.subs }

// Queued implements hub.Owner.
func (st *h2stream) Queued(_ *hub.Stream, matched int) {
	if st.sub.State() == subscriber.Streaming && !st.isBlocked() {
		st.h.mux.HaveData(&st.Stream)
		st.h.c.scheduleEvent(st.sub, matched)
	}
}

// Blocked implements hub.Owner.
func (st *h2stream) Blocked(*hub.Stream) bool { return st.isBlocked() }

// isBlocked reports whether the client takes no bytes of the stream now. The streams that it keeps
// from being marked ready are looked for when the connection can send again.
func (st *h2stream) isBlocked() bool {
	t := &st.h.c.transport
	if t.IsBlocked() || t.IsFailing() || st.h.mux.IsShut() {
		st.h.missed = true
		return true
	}
	return st.isSlow || st.h.mux.IsShutFor(&st.Stream)
}

// Overflow implements hub.Owner: limits.slow is close, and the queue is full.
func (st *h2stream) Overflow(*hub.Stream) {
	if !st.isSlow {
		st.isSlow = true
		st.h.c.w.tooSlow.add(st)
	}
}

func (st *h2stream) isLive() bool {
	return st.IsOpen() && st.sub.State() == subscriber.Streaming && st.h.c.transport.State() == transport.Open
}

func (st *h2stream) end(reason CloseReason, last []byte) {
	if !st.isLive() {
		return
	}
	st.sub.End()
	if len(last) > 0 {
		st.around().tail = last
	}
	st.finish(reason)
	st.h.c.schedule(scheduler.High)
}

func (st *h2stream) shed() bool {
	c := st.h.c
	if st.isOver || !st.IsOpen() || c.transport.State() == transport.Closed {
		return false
	}
	st.reset(MemoryShed)
	if len(st.h.mux.Streams()) == 0 && c.transport.IsBlocked() {
		c.fail(MemoryShed) // what is sealed would wait on
	}
	return true
}

func (st *h2stream) reschedule() {
	st.isDue = false
	st.h.atLatest(st.next(&st.h.c.w.srv.config().timing))
}

// queued returns how many bytes wait for the stream alone.
func (st *h2stream) queued() int { return st.edges.len() + st.sub.QueueBytes() }

func (st *h2stream) unwritten() int {
	if !st.IsOpen() {
		return 0
	}
	n := st.queued()
	if len(st.h.mux.Streams()) == 1 { // otherwise they may belong to any of them
		n += st.h.c.transport.Unwritten()
	}
	return n
}

// hasPayload reports whether there is something to send.
func (st *h2stream) hasPayload() bool {
	if st.isSlow {
		return false
	}
	return st.edges.len() > 0 || st.sub.State() != subscriber.None && !st.sub.Empty()
}

// Payload implements http2.Owner.
func (st *h2stream) Payload(dst []byte, limit int) (out []byte, more bool) {
	if st.isSlow {
		return dst, false
	}
	start := len(dst)
	around := st.edges
	if around != nil {
		n := min(limit, len(around.front))
		dst = append(dst, around.front[:n]...)
		if around.front = around.front[n:]; len(around.front) > 0 {
			return dst, true
		}
	}
	if room := limit - (len(dst) - start); room > 0 {
		before := len(dst)
		dst = st.sub.Payload(dst, room)
		if len(dst) == before && st.sub.State() != subscriber.None && !st.sub.Empty() {
			st.h.passed = true
		}
	}
	if around != nil && (st.sub.State() == subscriber.None || st.sub.Empty()) {
		n := min(limit-(len(dst)-start), len(around.tail))
		dst = append(dst, around.tail[:n]...)
		around.tail = around.tail[n:]
	}
	if around.len() == 0 {
		st.edges = nil
	}
	if len(dst) > start {
		st.sub.Wrote(st.h.c.w.now())
	}
	return dst, st.hasPayload()
}

// Data implements http2.Owner.
func (st *h2stream) Data(p []byte, end bool) {
	if st.post != nil {
		st.post.write(p, end)
	}
}

// Window implements http2.Owner.
func (st *h2stream) Window() {
	if st.hasPayload() {
		st.h.mux.HaveData(&st.Stream)
	}
}

// Done implements http2.Owner.
func (st *h2stream) Done() {
	st.over(st.reason)
	if st.IsOpen() { // its client has a moment to see the answer before it is told to send no more of its body
		st.endBy = st.h.c.w.now() + failTime
		st.h.atLatest(st.endBy)
	}
}

// Gone implements http2.Owner.
func (st *h2stream) Gone(_ http2.ErrCode, byPeer bool) {
	if byPeer {
		st.over(ClosedByPeer)
		return
	}
	st.over(HTTP2Failed)
}

// endSlow resets a stream that has overflowed.
func endSlow(st *h2stream) (cost int, more bool) {
	cost = endingCost(st.sub)
	st.reset(SlowClient)
	return cost, false
}
