package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/site"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// take consumes plaintext from the client and handles each request in it.
func (c *conn) take(p []byte) {
	for c.transport.State() == transport.Open {
		if h := c.h1(); h != nil && !h.mayRead() {
			h.hold(p)
			return
		}
		if len(p) == 0 || c.refuseOther(p) {
			return
		}
		var ev http1.Event
		ev, p = c.http.Receive(p, c.limits())
		switch ev.Kind {
		case http1.EventRequest:
			c.agent = cutAgent(ev.Request.Agent)
			c.serve(ev.Request)
		case http1.EventRefused:
			if c.http.HasBody() {
				c.h1().malformedBody(ev.Refusal)
				continue
			}
			c.refuse(ev.Refusal)
		case http1.EventBody:
			c.h1().receiveBody(ev)
		case http1.EventNext:
			c.next()
		case http1.EventNone:
		}
	}
}

// refuseOther answers clients that start with a PROXY header or a TLS handshake on a plaintext
// port. It reports whether this is one. p is what arrived last.
func (c *conn) refuseOther(p []byte) bool {
	if c.transport.IsSecure() || !c.isReading() {
		return false
	}
	var first [16]byte // longer than any sign
	n := copy(first[:], c.http.Begun())
	n += copy(first[n:], p)
	reason, message := WrongProtocol, "this port speaks HTTP without TLS; use http:// in the URL"
	switch {
	case tlsconn.IsProxyHeader(first[:n]):
		reason, message = UnexpectedProxyHeader, "the connection begins with a PROXY header, which this port does not expect"
		c.hint(hintProxyHeader)
	case tlsconn.IsClientHello(first[:n]):
		c.hint(hintTLS)
	default:
		return false
	}
	bad := exchange.Malformed(message)
	c.countRefusal(bad)
	c.answer(nil, bad, reason)
	return true
}

// serve handles a request: the first one, or another on an open stream whose output has been sent.
func (c *conn) serve(req *exchange.Request) {
	cfg := c.w.srv.config()
	c.recognize(req)
	sub, ans := site.Decide(req, cfg.rules, c.visitor(c.addr()))
	switch {
	case ans.Publish:
		c.servePost(req)
	case sub == nil:
		c.countRefusal(&ans)
		if req.Method == http.MethodPost && cfg.rules.Publish && c.sub.State() == subscriber.None {
			c.keepForPosts().refuse(req, &ans)
			return
		}
		c.logAnswer(&ans, c.peer())
		c.answer(req, &ans, Answered)
	case c.shouldDefer(sub, c.addr(), c.sub.State() == subscriber.None):
		c.deferSubscriber(req, cfg)
	default:
		c.open(req, sub, cfg)
	}
}

// visitor returns what is known about a client.
func (c *conn) visitor(from netip.Addr) site.Visitor {
	return site.Visitor{
		Address:    from,
		Now:        c.w.loop.Now(),
		Secure:     c.transport.IsSecure(),
		Draining:   c.w.srv.draining(),
		Serves:     c.serves,
		ServerName: c.serverName.String(),
	}
}

// open turns the connection into a stream, or replaces the subscription of an open one.
func (c *conn) open(req *exchange.Request, sub *site.Subscription, cfg *snapshot) {
	isFirst := c.sub.State() == subscriber.None
	if isFirst {
		version := http11
		if req.HTTP10 {
			version = http10
		}
		c.sub.SetKind(uint8(kindOf(version, c.transport.IsSecure())))
	}
	preface := c.sub.Start(c.w.loop.Now(), grantOf(sub), cfg.Retry)
	c.scheduleStream()
	c.http.StartStream(req.HTTP10, !c.w.srv.reinit.Load(), c.streamFields(req, cfg), preface)
	if !isFirst {
		c.schedule(scheduler.High)
		return
	}
	c.w.srv.log.Debug("stream opened", "conn", c.id, "peer", c.peer(), "id", sub.ID, "rooms", len(sub.Rooms), "all", sub.All)
	c.visit()
}

// grantOf returns what a subscriber that was let in may have.
func grantOf(sub *site.Subscription) subscriber.Grant {
	return subscriber.Grant{
		Subscription: hub.Subscription{
			Rooms:       sub.Rooms,
			All:         sub.All,
			ClientID:    sub.ID,
			LastEventID: sub.LastEventID,
		},
		Until: sub.Until,
	}
}

// Bounds on further requests on one connection: each may start a replay.
const (
	reinitBurst = 32
	reinitEvery = time.Second // one more
)

// next handles another request on an open stream once the output has drained. The current response
// ends and the next one follows it on the same connection, like pipelined HTTP/1.1 responses (RFC
// 9112 section 9.3.2).
func (c *conn) next() {
	if c.transport.Pending() || !c.http.Idle() || !c.sub.Empty() {
		c.schedule(scheduler.High)
		return // visit calls again when all that belongs to the first response has left
	}
	ev, rest := c.http.Next()
	if c.sub.Reinits() >= reinitBurst+uint64((c.w.now()-c.sub.OpenedAt())/reinitEvery) {
		c.end(ExcessInput, sse.LastFrame(c.w.jitter(c.w.srv.config().Retry)))
		return
	}
	if !c.http.IsChunked() || ev.Request != nil && ev.Request.HTTP10 {
		c.w.refuse(RefusedRequest)
		c.end(Answered, nil) // a stream that only its close can end cannot be followed by another
		return
	}
	if ev.Request == nil {
		c.countRefusal(ev.Refusal)
		c.logAnswer(ev.Refusal, c.peer())
		c.answer(nil, ev.Refusal, Answered)
		return
	}
	c.serve(ev.Request)
	c.take(rest)
}

// visit writes until the socket is full, nothing is left, or the connection has had its share. Once
// everything has been sent, it handles a waiting request. It returns the cost in records, at least
// one. It must not be called while the hub delivers, as it may end a subscription.
func (c *conn) visit() (records int) {
	c.w.figures.begin()
	c.w.queues.Cancel(&c.node)
	records, done := c.transport.Write()
	if c.h2 != nil {
		c.h2.countStreams()
	}
	if done && c.transport.State() == transport.Open {
		switch {
		case c.h2 != nil:
			c.h2.sent()
		case c.http.NextReady():
			c.next()
		case c.publishes:
			c.h1().readOn()
		}
	}
	return max(records, 1)
}

// shouldDefer reports whether a valid subscription of a client must be refused for now, and counts
// the reason. isNew: the stream is not open yet; if it may be opened, it is counted as open.
func (c *conn) shouldDefer(sub *site.Subscription, from netip.Addr, isNew bool) bool {
	switch {
	case c.as == admission.AdmitDefer: // counted when it was admitted
	case c.as == admission.AdmitChallenge:
		c.w.refuse(RefusedRate)
	case c.w.srv.draining():
		c.w.refuse(RefusedDraining)
	case isNew && c.w.srv.memoryLow.Load(): // an open stream may be changed
		c.w.refuse(RefusedMemory)
	case isNew && c.w.srv.logAway.Load(), c.w.srv.hub.IsBehind(c.w.loop.Now(), sub.LastEventID):
		c.w.refuse(RefusedLog)
	case c.w.srv.bans.refuses(c.w.now(), sub):
		c.w.refuse(RefusedKicked)
	case from != c.addr() && c.w.srv.admission.IsRefused(c.w.now(), from): // whose connection was not judged
		c.w.refuse(RefusedPenalty)
	case isNew:
		reason, ok := c.w.srv.openStream(from)
		switch {
		case !ok:
			c.w.refuse(reason)
		case c.proxied != nil:
			c.proxied.opened = from
		}
		return !ok
	default:
		return false
	}
	return true
}

// deferSubscriber asks a browser to come back later. Any answer but 200 would make EventSource give
// up for good.
func (c *conn) deferSubscriber(req *exchange.Request, cfg *snapshot) {
	c.http.Defer(req.HTTP10, c.streamFields(req, cfg), sse.LastFrame(c.w.retryAfter(cfg)))
	c.finish(RefusedWithRetry)
}

// refuse answers a request that cannot be read.
func (c *conn) refuse(bad *exchange.Answer) {
	c.countRefusal(bad)
	if bad.Hostile {
		c.violation(admission.ProtocolBroken)
	}
	if c.sub.State() == subscriber.Streaming && !c.http.IsChunked() {
		c.end(Answered, nil) // nothing but its close can end this stream
		return
	}
	c.answer(nil, bad, Answered)
}

// answer sends a finite response and ends the connection. req is nil if the request could not be
// read.
func (c *conn) answer(req *exchange.Request, a *exchange.Answer, reason CloseReason) {
	c.w.srv.config().rules.Complete(a, req, c.w.date.of(c.w.loop.Now()), c.transport.IsSecure())
	c.http.Answer(req, a)
	c.finish(reason)
}

// finish sends what is queued and then closes the connection.
func (c *conn) finish(reason CloseReason) {
	c.reason = reason
	c.stopSubscriber()
	c.transport.Finish()
	c.visit()
}

// streamFields returns the header fields of a stream, valid until the next call.
func (c *conn) streamFields(req *exchange.Request, cfg *snapshot) []exchange.Field {
	c.w.fields = cfg.rules.AppendStreamFields(c.w.fields[:0], req, c.w.date.of(c.w.loop.Now()), c.transport.IsSecure())
	return c.w.fields
}

// countRefusal counts an answer that refuses a request.
func (c *conn) countRefusal(a *exchange.Answer) {
	if reason, ok := refusalOf(a); ok {
		c.w.refuse(reason)
	}
}

// logAnswer logs an answer, with the reason that the client is not told.
func (c *conn) logAnswer(ans *exchange.Answer, from clientAddr) {
	if !c.w.srv.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	args := []any{"conn", c.id, "peer", from, "status", ans.Status, "code", ans.Code}
	if ans.Denial != "" {
		args = append(args, "reason", ans.Denial)
	}
	c.w.srv.log.Debug("request answered", args...)
}

// maxAgent is how many bytes of a User-Agent are kept, for as long as the stream lives.
const maxAgent = 128

// cutAgent returns the part of a User-Agent that is kept, as valid UTF-8 for JSON. It is still the
// client's text: escape it before printing.
func cutAgent(agent string) commonText {
	return newCommonText(strings.ToValidUTF8(agent[:min(len(agent), maxAgent)], "\uFFFD"))
}
