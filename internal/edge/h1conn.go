package edge

import (
	"net/http"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/http1"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// h1conn is what a connection that speaks HTTP/1 has from its first POST on: from then on it may
// serve further requests. All of it is owned by the loop. It is kept apart, since few connections
// publish, and those that do not stay in their size class: h1 finds it.
type h1conn struct {
	c        *conn // fixed
	post     *post // the request in work; nil: none
	discard  int32 // how much more may come of a body that is thrown away
	isFull   bool  // the body waits for the goroutine to take some
	isHeld   bool  // input is not read, see mayRead
	isIdle   bool  // a request was answered, and nothing has come since but its body
	isServed bool  // a request was answered
}

var _ poster = (*h1conn)(nil)

// discardMost is how much of an unwanted body is read, so that the connection can stay open.
const discardMost = 64 << 10

// servePost serves a POST that publishes. HTTP/1 serves one at a time; further requests wait in the
// socket until the answer has left, so their answers keep their order.
func (c *conn) servePost(req *exchange.Request) {
	if c.sub.State() != subscriber.None {
		c.refuse(exchange.Refuse(http.StatusMethodNotAllowed, exchange.CodeMethodNotAllowed, "a stream is open on this connection; publish on another one"))
		return
	}
	c.keepForPosts().serve(req)
}

// serve serves the POST.
func (h *h1conn) serve(req *exchange.Request) {
	c := h.c
	p, refused := c.beginPost(req, c.client(), h, pipeHTTP1)
	if refused != nil {
		h.refuse(req, refused)
		return
	}
	h.post, h.isFull = p, false
	c.transport.ClearDeadline() // the goroutine has deadlines of its own
	c.http.StartBody(req.ContentLength, req.Continue, c.limits())
	if !c.http.HasBody() {
		p.write(nil, true)
	}
	if req.Continue {
		c.schedule(scheduler.High)
	}
}

// keepForPosts makes the connection one that may serve further requests, and returns what it has for
// that.
func (c *conn) keepForPosts() *h1conn {
	if !c.publishes {
		c.publishes = true
		c.w.h1conns[c] = &h1conn{c: c}
	}
	return c.h1()
}

// refuse answers a POST before its body has come. If not much of it is to come, the connection
// stays open.
func (h *h1conn) refuse(req *exchange.Request, a *exchange.Answer) {
	c := h.c
	isLong := req.Continue || req.ContentLength > discardMost
	if isLong || !h.goesOn(req) {
		c.logAnswer(a, c.peer())
		c.answer(req, a, Answered)
		return
	}
	c.http.StartBody(req.ContentLength, false, c.limits())
	h.discard = discardMost
	h.answer(req, a)
}

// goesOn reports whether the connection may stay open after the request.
func (h *h1conn) goesOn(req *exchange.Request) bool {
	return req.KeepAlive && h.c.as == admission.Admit && !h.c.w.srv.draining()
}

// answer answers a POST, and goes on with the next request once the answer has left.
func (h *h1conn) answer(req *exchange.Request, a *exchange.Answer) {
	c := h.c
	c.logAnswer(a, c.peer())
	c.w.srv.config().rules.Complete(a, req, c.w.date.of(c.w.loop.Now()), c.transport.IsSecure())
	c.http.AnswerAndGoOn(req, a)
	h.isServed, h.isIdle = true, true
	if c.http.HasBody() {
		c.expectRequest() // its end
	} else {
		c.setTimeout(idleTime)
	}
	c.schedule(scheduler.High)
}

// published implements poster.
func (h *h1conn) published(req *exchange.Request, a *exchange.Answer) {
	c := h.c
	h.post = nil
	switch {
	case c.transport.State() != transport.Open:
	case a == nil:
		c.fail(TransportFailed)
	case c.http.HasBody() || !h.goesOn(req):
		c.logAnswer(a, c.peer())
		c.answer(req, a, Answered)
	default:
		h.answer(req, a)
	}
}

// took implements poster.
func (h *h1conn) took(int) {
	h.isFull = false
	h.readOn()
}

// receiveBody takes a piece of a body.
func (h *h1conn) receiveBody(ev http1.Event) {
	if h.post != nil {
		h.isFull = h.post.write(ev.Data, ev.End)
		return
	}
	if h.discard -= int32(len(ev.Data)); h.discard < 0 { // it was refused
		h.c.http.End()
		h.c.finish(Answered)
		return
	}
	if ev.End {
		h.isIdle = true
		h.c.setTimeout(idleTime)
	}
}

// h1 returns what the connection has if it publishes in HTTP/1, otherwise nil.
func (c *conn) h1() *h1conn {
	if !c.publishes {
		return nil
	}
	return c.w.h1conns[c]
}

// inWork returns the POST in work, nil for none.
func (c *conn) inWork() *post {
	if h := c.h1(); h != nil {
		return h.post
	}
	return nil
}

// stopPublishing ends the POST in work, and frees what the connection has for it.
func (c *conn) stopPublishing() {
	if p := c.inWork(); p != nil {
		p.abandon()
	}
	if c.publishes {
		delete(c.w.h1conns, c)
		c.publishes = false
	}
}

// malformedBody ends a connection whose body is malformed: where the next request
// begins is unknown.
func (h *h1conn) malformedBody(bad *exchange.Answer) {
	h.c.violation(admission.ProtocolBroken)
	if h.post != nil {
		h.post.malformed(bad)
		h.isFull = true // nothing more is read; the answer ends the connection
		return
	}
	h.c.http.End()
	h.c.finish(Answered)
}

// mayRead reports whether more input can be taken: not while a request is in work whose body has
// come, nor while the answer before has not left.
func (h *h1conn) mayRead() bool {
	c := h.c
	switch {
	case c.sub.State() != subscriber.None:
		return true
	case h.post != nil:
		return c.http.HasBody() && !h.isFull
	case h.isServed && c.http.ExpectsRequest():
		return c.http.Unwritten() == 0 && !c.transport.Pending()
	}
	return true
}

// hold stops reading until readOn. rest is what was read too early.
func (h *h1conn) hold(rest []byte) {
	h.c.http.Keep(rest)
	h.isHeld = true
	h.c.transport.Hold()
}

// readOn reads on, if that is possible.
func (h *h1conn) readOn() {
	c := h.c
	if !h.isHeld || !h.mayRead() || c.transport.State() != transport.Open {
		return
	}
	h.isHeld = false
	c.transport.Resume()
	if kept := c.http.TakeKept(); len(kept) > 0 {
		c.receive(kept)
	}
}

// receive takes plaintext of HTTP/1.
func (c *conn) receive(p []byte) {
	h := c.h1()
	if h == nil || len(p) == 0 || !h.isIdle {
		c.take(p)
		return
	}
	h.isIdle = false
	c.take(p)
	if c.isReading() && !h.isIdle { // part of a head
		c.expectRequest()
	}
}
