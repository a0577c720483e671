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

var _ poster = (*conn)(nil)

// discardMost is how much of an unwanted body is read, so that the connection can stay open.
const discardMost = 64 << 10

// servePost serves a POST that publishes. HTTP/1 serves one at a time; further requests wait in the
// socket until the answer has left, so their answers keep their order.
func (c *conn) servePost(req *exchange.Request) {
	if c.sub.State() != subscriber.None {
		c.refuse(exchange.Refuse(http.StatusMethodNotAllowed, exchange.CodeMethodNotAllowed, "a stream is open on this connection; publish on another one"))
		return
	}
	c.keepForPosts()
	h1 := c.h1()
	p, refused := c.beginPost(req, c.client(), c, pipeHTTP1)
	if refused != nil {
		c.refusePost(req, refused)
		return
	}
	h1.post, h1.isFull = p, false
	c.transport.ClearDeadline() // the goroutine has deadlines of its own
	c.http.StartBody(req.ContentLength, req.Continue, c.limits())
	if !c.http.HasBody() {
		p.write(nil, true)
	}
	if req.Continue {
		c.schedule(scheduler.High)
	}
}

// keepForPosts makes the connection one that may serve further requests.
func (c *conn) keepForPosts() {
	if !c.publishes {
		c.publishes = true
		c.w.posts.h1conns[c] = new(h1conn)
	}
}

// refusePost answers a POST before its body has come. If not much of it is to come, the connection
// stays open.
func (c *conn) refusePost(req *exchange.Request, a *exchange.Answer) {
	isLong := req.Continue || req.ContentLength > discardMost
	if isLong || !c.goesOn(req) {
		c.logAnswer(a, c.peer())
		c.answer(req, a, Answered)
		return
	}
	c.http.StartBody(req.ContentLength, false, c.limits())
	c.h1().discard = discardMost
	c.answerPost(req, a)
}

// goesOn reports whether the connection may stay open after the request.
func (c *conn) goesOn(req *exchange.Request) bool {
	return req.KeepAlive && c.as == admission.Admit && !c.w.srv.draining()
}

// answerPost answers a POST, and goes on with the next request once the answer has left.
func (c *conn) answerPost(req *exchange.Request, a *exchange.Answer) {
	c.logAnswer(a, c.peer())
	c.w.srv.config().rules.Complete(a, req, c.w.date.of(c.w.loop.Now()), c.transport.IsSecure())
	c.http.AnswerAndGoOn(req, a)
	h1 := c.h1()
	h1.isServed, h1.isIdle = true, true
	if c.http.HasBody() {
		c.expectRequest() // its end
	} else {
		c.setTimeout(idleTime)
	}
	c.schedule(scheduler.High)
}

// published implements poster.
func (c *conn) published(req *exchange.Request, a *exchange.Answer) {
	c.h1().post = nil
	switch {
	case c.transport.State() != transport.Open:
	case a == nil:
		c.fail(TransportFailed)
	case c.http.HasBody() || !c.goesOn(req):
		c.logAnswer(a, c.peer())
		c.answer(req, a, Answered)
	default:
		c.answerPost(req, a)
	}
}

// took implements poster.
func (c *conn) took(int) {
	c.h1().isFull = false
	c.readOn()
}

// receiveBody takes a piece of a body.
func (c *conn) receiveBody(ev http1.Event) {
	if c.h1().post != nil {
		c.h1().isFull = c.h1().post.write(ev.Data, ev.End)
		return
	}
	if c.h1().discard -= int32(len(ev.Data)); c.h1().discard < 0 { // it was refused
		c.http.End()
		c.finish(Answered)
		return
	}
	if ev.End {
		c.h1().isIdle = true
		c.setTimeout(idleTime)
	}
}

// h1 returns what a connection has that publishes in HTTP/1, nil for another one.
func (c *conn) h1() *h1conn {
	if !c.publishes {
		return nil
	}
	return c.w.posts.h1conns[c]
}

// inWork returns the POST in work, nil for none.
func (c *conn) inWork() *post {
	if h1 := c.h1(); h1 != nil {
		return h1.post
	}
	return nil
}

// stopPublishing ends the POST in work, and frees what the connection has for it.
func (c *conn) stopPublishing() {
	if p := c.inWork(); p != nil {
		p.abandon()
	}
	if c.publishes {
		delete(c.w.posts.h1conns, c)
		c.publishes = false
	}
}

// malformedBody ends a connection whose body is malformed: where the next request
// begins is unknown.
func (c *conn) malformedBody(bad *exchange.Answer) {
	c.violation(admission.ProtocolBroken)
	if c.h1().post != nil {
		c.h1().post.malformed(bad)
		c.h1().isFull = true // nothing more is read; the answer ends the connection
		return
	}
	c.http.End()
	c.finish(Answered)
}

// mayRead reports whether more input can be taken: not while a request is in work whose body has
// come, nor while the answer before has not left.
func (c *conn) mayRead() bool {
	h1 := c.h1()
	switch {
	case h1 == nil || c.sub.State() != subscriber.None:
		return true
	case h1.post != nil:
		return c.http.HasBody() && !h1.isFull
	case h1.isServed && c.http.ExpectsRequest():
		return c.http.Unwritten() == 0 && !c.transport.Pending()
	}
	return true
}

// hold stops reading until readOn. rest is what was read too early.
func (c *conn) hold(rest []byte) {
	c.http.Keep(rest)
	c.h1().isHeld = true
	c.transport.Hold()
}

// readOn reads on, if that is possible.
func (c *conn) readOn() {
	h1 := c.h1()
	if h1 == nil || !h1.isHeld || !c.mayRead() || c.transport.State() != transport.Open {
		return
	}
	h1.isHeld = false
	c.transport.Resume()
	if kept := c.http.TakeKept(); len(kept) > 0 {
		c.receive(kept)
	}
}

// receive takes plaintext of HTTP/1.
func (c *conn) receive(p []byte) {
	h1 := c.h1()
	if h1 == nil || len(p) == 0 || !h1.isIdle {
		c.take(p)
		return
	}
	h1.isIdle = false
	c.take(p)
	if c.isReading() && !h1.isIdle { // part of a head
		c.expectRequest()
	}
}
