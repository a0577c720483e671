package edge

import (
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// stream is what carries a subscriber here: an HTTP/1 connection, which carries one, or a stream of
// an HTTP/2 connection.
type stream interface {
	subscriber.Carrier
	// isLive reports whether the stream is open and has not failed.
	isLive() bool
	// end ends the stream properly, if it is live: what is queued, the last frame if there is one,
	// the end of the response.
	end(reason CloseReason, last []byte)
	// shed ends the stream at once, without what is queued, and reports whether there was one.
	shed() bool
	// reschedule sets the timer to the next thing that must happen to the stream.
	reschedule()
	// unwritten returns how much of what it has to send has not been written to the socket.
	unwritten() int
}

// streamOf returns what carries a subscriber.
func streamOf(s *subscriber.Subscriber) stream { return s.Carrier().(stream) }

// endingCost returns what it costs a walk to end a subscriber's stream.
func endingCost(s *subscriber.Subscriber) int { return endCost + roomCost*s.Memberships() }

// carrier is an HTTP/1 connection as its subscriber sees it.
type carrier conn

var _ stream = (*carrier)(nil)

func (r *carrier) isLive() bool                        { return (*conn)(r).isLive() }
func (r *carrier) end(reason CloseReason, last []byte) { (*conn)(r).end(reason, last) }
func (r *carrier) shed() bool                          { return (*conn)(r).shed() }
func (r *carrier) reschedule()                         { (*conn)(r).scheduleStream() }
func (r *carrier) unwritten() int                      { return (*conn)(r).unwritten() }

const (
	// fewMatches is how many streams an event may match to get the high priority.
	fewMatches = 256
	// littleBytes is how many unsent bytes still count as little. Writing that many takes hardly
	// longer than writing one byte; a full record takes three times as long.
	littleBytes = 4 << 10
)

// Subscriber implements subscriber.Carrier.
func (r *carrier) Subscriber() *subscriber.Subscriber { return &r.sub }

// Set implements subscriber.Carrier.
func (r *carrier) Set() *subscriber.Set { return &r.w.subs }

// Queued implements hub.Owner. A carrier that is blocked goes on when the client takes bytes again.
func (r *carrier) Queued(_ *hub.Stream, matched int) {
	if r.sub.State() == subscriber.Streaming && !r.isBlocked() {
		(*conn)(r).scheduleEvent(&r.sub, matched)
	}
}

// scheduleEvent schedules the connection for an event that matched so many streams of this loop.
func (c *conn) scheduleEvent(s *subscriber.Subscriber, matched int) {
	switch {
	case matched <= fewMatches:
		c.schedule(scheduler.High)
	case s.QueueBytes() <= littleBytes:
		c.schedule(scheduler.Normal)
	default:
		c.schedule(scheduler.Low)
	}
}

func (r *carrier) isBlocked() bool { return r.transport.IsBlocked() || r.transport.IsFailing() }

// Blocked implements hub.Owner.
func (r *carrier) Blocked(*hub.Stream) bool { return r.isBlocked() }

// Overflow implements hub.Owner: limits.slow is close, and the queue is full.
func (r *carrier) Overflow(*hub.Stream) { (*conn)(r).fail(SlowClient) }

// isLive reports whether the connection carries an open stream that has not failed.
func (c *conn) isLive() bool {
	return c.h2 == nil && c.sub.State() == subscriber.Streaming && !c.transport.IsFailing()
}

// end ends the stream after what is queued: with the last frame, if any, the end of the response and
// close_notify.
func (c *conn) end(reason CloseReason, last []byte) {
	if !c.isLive() {
		return
	}
	c.reason = reason
	c.sub.End()
	c.http.EndStream(last)
	c.transport.Finish()
	c.schedule(scheduler.High)
}

// shed ends the connection without another word.
func (c *conn) shed() bool {
	if c.transport.State() == transport.Closed || c.transport.IsFailing() {
		return false
	}
	if c.transport.State() == transport.Closing {
		c.reason = MemoryShed
	}
	c.fail(MemoryShed)
	return true
}

// scheduleStream sets the timer for the next heartbeat or end of the stream.
func (c *conn) scheduleStream() {
	if next := c.sub.Next(&c.w.srv.config().timing); next > 0 {
		c.transport.SetDeadline(c.w.srv.start.Add(next))
		return
	}
	c.transport.ClearDeadline()
}

// streamDeadline ends an expired stream, and sends a heartbeat on a silent one.
func (c *conn) streamDeadline() {
	timing, now := &c.w.srv.config().timing, c.w.now()
	if c.sub.Expired(timing, now) != subscriber.NotExpired {
		c.w.overdue.add(&c.sub)
		return
	}
	if c.sub.Heartbeat(timing, now, 0, !c.transport.IsBlocked() && c.http.Idle()) {
		c.schedule(scheduler.Normal) // thousands may be due at one time
	}
	c.scheduleStream()
}

// endOverdue ends an expired subscriber.
func (w *worker) endOverdue(sub *subscriber.Subscriber) (cost int, more bool) {
	s := streamOf(sub)
	if !s.isLive() {
		return lookCost, false
	}
	cfg := w.srv.config()
	cost = endingCost(sub)
	switch sub.Expired(&cfg.timing, w.now()) {
	case subscriber.NotExpired:
		s.reschedule() // another request has come
	case subscriber.GrantExpired:
		s.end(TokenEnded, sse.Reauthorize(w.jitter(cfg.Retry)))
	case subscriber.Aged:
		s.end(StreamAged, sse.LastFrame(w.jitter(cfg.Retry)))
	case subscriber.TooFarAhead:
		s.end(LogBehind, sse.LastFrame(w.jitter(cfg.Retry)))
	}
	return cost, false
}

// stopSubscriber ends the subscription of HTTP/1, if there is one, and throws away what is queued.
func (c *conn) stopSubscriber() {
	if c.h2 != nil {
		return // its streams end theirs
	}
	if c.sub.State() != subscriber.None {
		c.w.srv.closeStream(c.opened())
	}
	c.sub.Stop()
}
