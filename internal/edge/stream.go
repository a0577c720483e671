package edge

import (
	"context"

	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/sse"
)

// carrier is the connection as its subscriber sees it.
type carrier conn

var _ subscriber.Carrier = (*carrier)(nil)

// connOf returns the connection that carries s.
func connOf(s *subscriber.Subscriber) *conn { return (*conn)(s.Carrier().(*carrier)) }

const (
	// fewMatches is how many streams an event may match to get the high priority.
	fewMatches = 256
	// littleBytes is how many unsent bytes still count as little. Writing that many takes hardly
	// longer than writing one byte; a full record takes three times as long.
	littleBytes = 4 << 10
)

// Ready implements subscriber.Carrier.
func (r *carrier) Ready(s *subscriber.Subscriber, matched int) {
	c := (*conn)(r)
	switch {
	case matched <= fewMatches:
		c.schedule(scheduler.High)
	case s.QueueBytes() <= littleBytes:
		c.schedule(scheduler.Normal)
	default:
		c.schedule(scheduler.Low)
	}
}

// Blocked implements subscriber.Carrier.
func (r *carrier) Blocked() bool { return r.transport.IsBlocked() || r.transport.IsFailing() }

// Overflow implements subscriber.Carrier.
func (r *carrier) Overflow(*subscriber.Subscriber) { (*conn)(r).fail(SlowClient) }

// isLive reports whether the connection carries an open stream that has not failed.
func (c *conn) isLive() bool {
	return c.sub.State() == subscriber.Streaming && !c.transport.IsFailing()
}

// end ends the stream after what is queued: with the farewell, if any, the end of the response and
// close_notify.
func (c *conn) end(reason CloseReason, farewell []byte) {
	if !c.isLive() {
		return
	}
	c.reason = reason
	c.sub.End()
	c.http.EndStream(farewell)
	c.transport.Finish()
	c.schedule(scheduler.High)
}

// endingCost returns the cost of ending the stream in a walk.
func (c *conn) endingCost() int { return endCost + roomCost*c.sub.Memberships() }

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
		c.w.endOverdue(&c.sub)
		return
	}
	if c.sub.Heartbeat(timing, now, !c.transport.IsBlocked() && c.http.Idle()) {
		c.schedule(scheduler.Normal) // thousands may be due at one time
	}
	c.scheduleStream()
}

// endOverdue ends an expired subscriber in one of the next turns: thousands of tokens may expire at
// the same time.
func (w *worker) endOverdue(s *subscriber.Subscriber) {
	w.overdue = append(w.overdue, s)
	if len(w.overdue) == 1 {
		w.walks.start(context.Background(), w.stepOverdue, func() { w.overdue = nil })
	}
}

// stepOverdue is the step of a walk that ends expired subscribers.
func (w *worker) stepOverdue() (cost int, more bool) {
	last := len(w.overdue) - 1
	c := connOf(w.overdue[last])
	w.overdue[last] = nil
	w.overdue = w.overdue[:last]
	if !c.isLive() {
		return lookCost, last > 0
	}
	cfg := w.srv.config()
	cost = c.endingCost()
	switch c.sub.Expired(&cfg.timing, w.now()) {
	case subscriber.NotExpired:
		c.scheduleStream() // another request has come
	case subscriber.GrantExpired:
		c.end(TokenEnded, sse.Reauthorize(w.jitter(cfg.Retry)))
	case subscriber.Aged:
		c.end(StreamAged, sse.Farewell(w.jitter(cfg.Retry)))
	}
	return cost, last > 0
}
