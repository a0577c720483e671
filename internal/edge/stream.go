package edge

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// request answers a complete request head.
func (c *conn) request(head []byte) {
	cfg := c.w.srv.config()
	req, bad := parseRequest(head)
	if bad != nil {
		c.refuse(bad)
		return
	}
	c.agent = cutAgent(req.Agent)
	sub, ans := c.decide(req, cfg.rules)
	if sub == nil {
		c.w.countRefusal(ans)
		c.logAnswer(ans)
		c.answer(appendAnswer(nil, req, ans, cfg.rules, c.w.date(), c.secure), Answered)
		return
	}
	if c.refuses(sub) {
		c.refuseKindly(req, cfg)
		return
	}
	c.open(req, sub, cfg)
}

// decide is what a request gets on this connection: what it asks for, if it belongs here.
func (c *conn) decide(req *request, r *rules) (*subscription, answer) {
	if t, ok := c.wire.(*tlsconn.Conn); ok && !c.serves(t.ServerName(), req.Host) {
		return nil, misdirected(req.Host)
	}
	if ans, ok := c.decideChallenge(req); ok {
		return nil, ans
	}
	return decide(req, r, visitor{address: c.peer.Addr(), now: c.w.loop.Now(), secure: c.secure})
}

// logAnswer tells the operator, who may know why somebody was turned away.
func (c *conn) logAnswer(ans answer) {
	args := []any{"conn", c.id, "peer", c.peer, "status", ans.Status, "code", ans.Code}
	if ans.denial != 0 {
		args = append(args, "reason", ans.denial.Name())
	}
	c.w.srv.log.Debug("request answered", args...)
}

// misdirected is the answer to a request for a host that the connection's certificate is not for: a client would take
// our word for another site's (RFC 9110 section 15.5.20).
func misdirected(host string) answer {
	return *refuse(http.StatusMisdirectedRequest, codeMisdirected,
		"the certificate of this connection is not for "+quoteCut(host)+"; open another connection, and ask for that host by SNI")
}

// maxAgent is how much of a User-Agent is kept: it costs memory for as long as the stream lives.
const maxAgent = 128

// cutAgent is the part of a User-Agent that is kept: valid UTF-8, so that it can be told in JSON. It is a stranger's text
// all the same, and whoever prints it must make it harmless.
func cutAgent(agent string) string {
	if len(agent) > maxAgent {
		agent = strings.Clone(agent[:maxAgent])
	}
	return strings.ToValidUTF8(agent, "\uFFFD")
}

// refuses says whether a subscriber who asked properly must be told to come later, and counts it.
func (c *conn) refuses(sub *subscription) bool {
	switch {
	case c.as == guestTurnedAway: // counted when it was let in
	case c.as == guestForChallenge:
		c.w.refused[RefusedRate]++
	case c.w.srv.draining():
		c.w.refused[RefusedDraining]++
	case c.state == stateReading && c.w.srv.isShort.Load(): // an open stream may be changed
		c.w.refused[RefusedMemory]++
	case c.w.srv.bans.refuses(c.w.now(), sub):
		c.w.refused[RefusedKicked]++
	default:
		return false
	}
	return true
}

// open turns the connection into a stream: subscribe, then response head and first frame.
func (c *conn) open(req *request, sub *subscription, cfg *snapshot) {
	c.http10 = req.HTTP10
	c.setEnd(sub.Until)
	c.setState(stateStreaming)
	start := c.subscribe(sub)
	c.front = appendStreamHead(c.front, req, cfg.rules, c.w.date(), c.secure, !c.w.srv.reinit.Load())
	c.front = c.appendChunk(c.front, sse.Preface(c.jitteredRetry(cfg), start.ID))
	c.w.srv.log.Debug("stream opened", "conn", c.id, "peer", c.peer, "id", sub.ID, "rooms", len(sub.Rooms), "all", sub.All)
	c.w.flush(c)
}

func (c *conn) subscribe(sub *subscription) hub.Start {
	c.stream.Owner = c
	return c.w.shard.Subscribe(c.w.loop.Now(), &c.stream, hub.Subscription{
		Rooms:       sub.Rooms,
		All:         sub.All,
		ClientID:    sub.ID,
		LastEventID: sub.LastEventID,
	})
}

// secondRequest serves another request on an open stream, once the output has drained: the first response ends, and
// the second follows it on the same connection, as pipelined HTTP/1.1 responses do (RFC 9112 section 9.3.2).
func (c *conn) secondRequest() {
	if c.wire.Pending() > 0 || len(c.front) > 0 || !c.stream.Empty() {
		c.w.mark(c, laneExpress)
		return // flush calls again when all that belongs to the first response has left
	}
	head, rest := c.head[:c.secondEnd], c.head[c.secondEnd:]
	c.head, c.secondReady = nil, false
	cfg := c.w.srv.config()
	if c.reinits >= reinitBurst+uint64((c.w.now()-c.streamAt)/reinitEvery) {
		c.end(ExcessInput, sse.Farewell(c.jitteredRetry(cfg)))
		return
	}
	req, bad := parseRequest(head)
	if c.http10 || bad == nil && req.HTTP10 {
		c.w.refused[RefusedRequest]++
		c.end(Answered, nil) // a stream that only its close can end cannot be followed by another
		return
	}
	var sub *subscription
	var ans answer
	if bad != nil {
		ans = *bad
	} else {
		sub, ans = c.decide(req, cfg.rules)
	}
	if sub == nil {
		c.w.countRefusal(ans)
		c.logAnswer(ans)
		c.front = append(c.front, lastChunk...)
		c.answer(appendAnswer(nil, req, ans, cfg.rules, c.w.date(), c.secure), Answered)
		return
	}
	if c.refuses(sub) {
		c.front = append(c.front, lastChunk...)
		c.refuseKindly(req, cfg)
		return
	}
	c.forgetStream()
	c.setEnd(sub.Until)
	c.scheduleStream()
	start := c.subscribe(sub)
	c.reinits++
	c.w.reinits++
	c.input, c.said = 0, 0
	c.front = append(c.front, lastChunk...)
	c.front = appendStreamHead(c.front, req, cfg.rules, c.w.date(), c.secure, !c.w.srv.reinit.Load())
	c.front = c.appendChunk(c.front, sse.Preface(c.jitteredRetry(cfg), start.ID))
	c.w.mark(c, laneExpress)
	if len(rest) > 0 {
		c.take(rest)
	}
}

// forgetStream unsubscribes and throws away what is queued.
func (c *conn) forgetStream() {
	c.w.shard.Unsubscribe(&c.stream)
	c.w.shard.Release(&c.stream)
	c.sent += c.stream.Sent()
	c.stream = hub.Stream{}
}

// refuse answers a request that could not be read.
func (c *conn) refuse(bad *refusal) {
	c.w.countRefusal(*bad)
	if bad.hostile {
		c.offend(admission.ProtocolBroken)
	}
	if c.state == stateStreaming {
		if c.http10 {
			c.end(Answered, nil) // nothing but its close can end this stream
			return
		}
		c.front = append(c.front, lastChunk...)
	}
	c.answer(appendAnswer(nil, nil, *bad, c.w.srv.config().rules, c.w.date(), c.secure), Answered)
}

// refuseKindly tells a browser to come back later: any answer but 200 would make EventSource give up for good.
func (c *conn) refuseKindly(req *request, cfg *snapshot) {
	c.http10 = req.HTTP10
	out := appendStreamHead(nil, req, cfg.rules, c.w.date(), c.secure, true)
	out = c.appendChunk(out, sse.Farewell(c.w.kindly(cfg)))
	if !c.http10 {
		out = append(out, lastChunk...)
	}
	c.answer(out, RefusedKindly)
}

// kindly is how long somebody who is refused shall stay away.
func (w *worker) kindly(cfg *snapshot) time.Duration {
	if w.srv.draining() {
		return w.comeBack()
	}
	return w.jitter(2 * cfg.Retry)
}

// answer sends a finished response and ends the connection.
func (c *conn) answer(response []byte, reason CloseReason) {
	c.reason = reason
	c.tail = response
	if c.state == stateStreaming {
		c.forgetStream()
	}
	c.setState(stateDraining)
	c.w.flush(c)
}

// end ends a stream properly: what is queued, the farewell if there is one, the last chunk, close_notify.
func (c *conn) end(reason CloseReason, goodbye []byte) {
	if c.state != stateStreaming || c.doomed {
		return
	}
	c.reason = reason
	c.w.shard.Unsubscribe(&c.stream)
	if len(goodbye) > 0 {
		c.tail = c.appendChunk(c.tail, goodbye)
	}
	if !c.http10 {
		c.tail = append(c.tail, lastChunk...)
	}
	c.setState(stateDraining)
	c.w.mark(c, laneExpress)
}

// scheduleStream sets the timer to the next thing that must happen to an open stream.
func (c *conn) scheduleStream() {
	cfg := c.w.srv.config()
	var next time.Duration
	if cfg.HeartbeatInterval > 0 {
		next = c.lastWrite + c.spread(cfg.HeartbeatInterval)
	}
	if cfg.StreamAge > 0 {
		if end := c.agesAt(cfg); next == 0 || end < next {
			next = end
		}
	}
	if c.endsAt > 0 && (next == 0 || c.endsAt < next) {
		next = c.endsAt
	}
	if next == 0 {
		c.w.loop.Cancel(&c.timer)
		return
	}
	c.w.loop.Schedule(&c.timer, c, c.w.srv.start.Add(next))
}

// streamDeadline ends a stream that is too old and keeps a silent one alive. The timer is not touched by every write:
// it comes around and looks how long the silence has lasted.
func (c *conn) streamDeadline() {
	cfg := c.w.srv.config()
	now := c.w.now()
	if _, over := c.isOver(cfg, now); over {
		c.w.endOverdue(c)
		return
	}
	if cfg.HeartbeatInterval > 0 && now >= c.lastWrite+c.spread(cfg.HeartbeatInterval) {
		if !c.blocked && c.stream.Empty() && len(c.front) == 0 {
			c.stream.Push(cfg.heartbeat)
			c.w.mark(c, laneBulk) // thousands may be due at one time
		}
		c.lastWrite = now // a blocked stream is not silent; look again after another interval
	}
	c.scheduleStream()
}

// isOver reports whether the stream has had its time, and why.
func (c *conn) isOver(cfg *snapshot, now time.Duration) (reason CloseReason, over bool) {
	switch {
	case c.endsAt > 0 && now >= c.endsAt:
		return TokenEnded, true
	case cfg.StreamAge > 0 && now >= c.agesAt(cfg):
		return StreamAged, true
	}
	return 0, false
}

// endOverdue ends a stream that has had its time, at the end of this turn or of one of the next: the tokens of thousands
// may end at one time.
func (w *worker) endOverdue(c *conn) {
	w.overdue = append(w.overdue, c)
	if len(w.overdue) == 1 {
		w.walk(context.Background(), w.stepOverdue, func() { w.overdue = nil })
	}
}

// stepOverdue is the step of a walk that ends them.
func (w *worker) stepOverdue() (cost int, more bool) {
	last := len(w.overdue) - 1
	c := w.overdue[last]
	w.overdue[last] = nil
	w.overdue = w.overdue[:last]
	if c.state != stateStreaming || c.doomed {
		return lookCost, last > 0
	}
	cfg := w.srv.config()
	cost = c.endingCost()
	switch reason, over := c.isOver(cfg, w.now()); {
	case !over:
		c.scheduleStream() // another request has come
	case reason == TokenEnded:
		c.end(reason, sse.Reauthorize(c.jitteredRetry(cfg)))
	default:
		c.end(reason, sse.Farewell(c.w.jitter(cfg.Retry)))
	}
	return cost, last > 0
}

// setEnd notes down when what the stream was opened with is over. Until is by the wall clock, as tokens are; from here on
// it is a matter of elapsed time, which no change of the clock moves.
func (c *conn) setEnd(until time.Time) {
	c.endsAt = 0
	if !until.IsZero() {
		// Neither in the past of the server's start, where 0 is, nor beyond what can be counted to.
		left := min(until.Sub(c.w.loop.Now()), farAway)
		c.endsAt = max(1, c.w.now()+left)
	}
}

// farAway is longer than any stream lives.
const farAway = 100 * 365 * 24 * time.Hour

// agesAt is when the stream has lived as long as it may. A limit that a reload sets does not end older streams together:
// for them it counts from the reload.
func (c *conn) agesAt(cfg *snapshot) time.Duration {
	return max(c.streamAt, cfg.ageFrom) + c.spread(cfg.StreamAge)
}

// spread is d, up to a tenth more or less, always the same for one connection: so that streams opened together do not
// beat together.
func (c *conn) spread(d time.Duration) time.Duration {
	const steps = 256
	step := time.Duration((c.id*0x9E3779B97F4A7C15)>>56) - steps/2
	return d + d/10*step/(steps/2)
}

// jitteredRetry is what this client is told to wait before it reconnects.
func (c *conn) jitteredRetry(cfg *snapshot) time.Duration { return c.w.jitter(cfg.Retry) }

// Queued implements hub.Owner: the stream has something to send.
func (c *conn) Queued(_ *hub.Stream, matched int) {
	if c.blocked || c.state != stateStreaming {
		return // the socket will say when it takes bytes again
	}
	switch {
	case matched <= expressMatches:
		c.w.mark(c, laneExpress)
	case c.stream.QueueBytes() <= bulkBytes:
		c.w.mark(c, laneBulk)
	default:
		c.w.mark(c, laneHeavy)
	}
}

// Blocked implements hub.Owner.
func (c *conn) Blocked(*hub.Stream) bool { return c.blocked || c.doomed }

// Overflow implements hub.Owner: limits.slow is close, and the queue is full.
func (c *conn) Overflow(*hub.Stream) { c.fail(SlowClient) }
