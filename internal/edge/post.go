package edge

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/list"
)

// post is a POST request in work. A short body that has come by the end of the turn is published by
// the loop, if that does not have to wait. For any other, a goroutine reads the body from a pipe,
// publishes what is in it, and posts the answer to the loop. Everything else belongs to the loop.
type post struct {
	// Fixed after creation.
	of          *posts
	publication *httppublish.Publication
	req         *exchange.Request
	from        netip.AddrPort // the client
	conn        uint64         // id of its connection
	full        int            // of the pipe

	// Owned by the loop.
	state   postState
	owner   poster               // nil once it has the answer, or its client is gone
	body    []byte               // what has come of it; in postBegun
	outcome *httppublish.Outcome // in postSettling
	since   time.Time            // 〃
	node    list.Node[post]      // 〃

	// Fixed once the goroutine has started.
	pipe *pipe
	stop context.CancelFunc
}

// postState is how far a POST has come.
type postState uint8

const (
	// postBegun: it has come in this turn, and nothing was done with its body.
	postBegun postState = iota
	// postSettling: the loop has published it, and waits until its streams are counted.
	postSettling
	// postRunning: its goroutine has it.
	postRunning
	// postOver: it was answered, or abandoned in an earlier state than postRunning.
	postOver
)

func (p *post) setState(to postState) {
	if to <= p.state {
		panic("edge: internal error: a POST goes back")
	}
	p.state = to
}

// poster is what waits for the answer of a POST: a connection of HTTP/1, or a stream of HTTP/2.
type poster interface {
	// took is called when the goroutine has taken n bytes of the body.
	took(n int)
	// published is called with the answer, or nil if the request cannot be answered.
	published(req *exchange.Request, a *exchange.Answer)
}

// Bytes of a body that wait for the goroutine, at most about: what a connection of HTTP/1 reads
// ahead, and the window of a stream of HTTP/2, which the client may fill at any time.
const (
	pipeHTTP1 = 16 << 10
	pipeHTTP2 = 64 << 10
)

// beginPost decides on a POST of a client by its head. It returns the request in work, or the answer.
func (c *conn) beginPost(req *exchange.Request, from netip.AddrPort, owner poster, full int) (*post, *exchange.Answer) {
	srv := c.w.srv
	service := srv.publish
	if c.as != admission.Admit {
		return nil, exchangeAnswer(service.Refuse(httppublish.CodeTooManyRequests, "too many connections from your network; publish again a little later"))
	}
	publication, refused := service.Begin(httppublish.Head{
		Peer:            addressOf(from),
		Secure:          c.transport.IsSecure(),
		Host:            req.Host,
		Query:           req.RawQuery,
		Authorization:   req.Authorization,
		Origin:          req.Origin,
		FetchSite:       req.FetchSite,
		ContentType:     req.ContentType,
		ContentEncoding: req.ContentEncoding,
		IdempotencyKey:  req.IdempotencyKey,
		ContentLength:   req.ContentLength,
		ReadAhead:       int64(full),
	})
	if refused != nil {
		if refused.WrongKey {
			srv.admission.RecordViolation(c.w.now(), from.Addr(), admission.WrongKey)
		}
		return nil, exchangeAnswer(refused)
	}
	if code := srv.postSlots.acquire(from.Addr(), srv.config().Requests, srv.admission.IsExempt(from.Addr())); code != "" {
		return nil, exchangeAnswer(service.Refuse(code, "too many requests are in work; publish again a little later"))
	}
	p := &post{of: &c.w.posts, publication: publication, req: req, from: from, conn: c.id, full: full, owner: owner}
	if publication.IsShort() && !req.Continue {
		c.w.posts.begun = append(c.w.posts.begun, p)
	} else {
		p.start()
	}
	return p, nil
}

// start starts the goroutine.
func (p *post) start() {
	p.setState(postRunning)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.pipe = newPipe(p.full, p.took)
	if len(p.body) > 0 {
		p.pipe.write(p.body)
		p.body = nil
	}
	go func() {
		var a *exchange.Answer
		defer func() {
			if x := recover(); x != nil {
				p.panicked(x)
				a = nil
			}
			stop()
			p.release() // before the answer, after which the client may post again at once
			p.call(func(o poster) { p.owner = nil; o.published(p.req, a) })
		}()
		if answer := p.publication.Run(ctx, p.pipe); answer != nil {
			a = exchangeAnswer(answer)
		}
	}()
}

// release gives the slot back.
func (p *post) release() { p.of.srv.postSlots.release(p.from.Addr()) }

func (p *post) panicked(x any) {
	p.of.srv.log.Error("publishing a request panicked", "conn", p.conn, "peer", clientAddr(p.from), "err", x, "stack", string(debug.Stack()))
}

// answer ends a request that has no goroutine, with an answer, or nil if it cannot be answered.
func (p *post) answer(a *exchange.Answer) {
	p.setState(postOver)
	p.release()
	owner := p.owner
	p.owner = nil
	owner.published(p.req, a)
}

// publishNow publishes a body that has come as a whole, if that takes no time, or else starts the
// goroutine.
func (p *post) publishNow(body []byte) {
	outcome, isBroken := p.tryRun(body)
	switch {
	case isBroken:
		p.answer(nil)
	case outcome == nil:
		p.body = append(p.body[:0], body...)
		p.start()
		p.pipe.close(io.EOF)
	case outcome.Notify(p.counted):
		p.outcome = outcome
		p.setState(postSettling)
		p.of.await(p)
	default:
		p.answer(p.of.answerOf(outcome, true))
	}
}

// tryRun reports whether publishing has panicked, beside its outcome.
func (p *post) tryRun(body []byte) (outcome *httppublish.Outcome, isBroken bool) {
	defer func() {
		if x := recover(); x != nil {
			p.panicked(x)
			isBroken = true
		}
	}()
	return p.publication.TryRun(body), false
}

// counted is called by any loop when the streams of the message are counted.
func (p *post) counted() { p.of.signal(p) }

// addressOf returns the address of a client. One on a Unix socket is a proxy that has not named its
// client, who may be anywhere.
func addressOf(from netip.AddrPort) netip.Addr {
	if !from.IsValid() {
		return netip.IPv6Unspecified()
	}
	return from.Addr()
}

// call calls the owner on its loop, if it still waits.
func (p *post) call(fn func(poster)) {
	// Refused only when the loop has stopped, which is the end of the process.
	_ = p.of.loop.PostWait(context.Background(), func() {
		p.of.figures.begin()
		if p.owner != nil {
			fn(p.owner)
		}
	})
}

// took reports bytes that the goroutine has taken.
func (p *post) took(n int) { p.call(func(o poster) { o.took(n) }) }

// write hands a piece of the body on, and its end. isFull: stop for now, took follows. The answer may
// come before it returns.
func (p *post) write(data []byte, end bool) (isFull bool) {
	switch p.state {
	case postBegun:
		if len(p.body) > 0 || !end {
			p.body = append(p.body, data...)
			data = p.body
		}
		if end {
			p.publishNow(data)
		}
	case postRunning:
		if len(data) > 0 {
			isFull = p.pipe.write(data)
		}
		if end {
			p.pipe.close(io.EOF)
		}
	case postSettling, postOver:
		panic("edge: internal error: a body goes on after its end")
	}
	return isFull
}

// malformed ends a body that is not what its framing says. The answer follows.
func (p *post) malformed(bad *exchange.Answer) {
	if p.state == postBegun {
		p.start()
	}
	p.pipe.close(fmt.Errorf("%w: %s", httppublish.ErrMalformed, bad.Message))
}

// interrupt has a body read no further, because the daemon stops. The answer follows.
func (p *post) interrupt() {
	switch p.state {
	case postBegun:
		p.start()
		p.pipe.cut(httppublish.ErrStopping)
	case postRunning:
		p.pipe.cut(httppublish.ErrStopping)
	case postSettling, postOver: // its message is published
	}
}

// abandon ends a request whose client is gone.
func (p *post) abandon() {
	p.owner = nil
	switch p.state {
	case postRunning:
		p.pipe.cut(errClientGone)
		p.stop()
	case postSettling:
		p.of.forget(p)
		p.setState(postOver)
		p.release()
	case postBegun:
		p.setState(postOver)
		p.release()
	case postOver:
	}
}

// answerFields is room for the fields of an answer, with those that the site adds.
const answerFields = 12

// exchangeAnswer returns an answer as the edge sends it.
func exchangeAnswer(a *httppublish.Answer) *exchange.Answer {
	return &exchange.Answer{Status: a.Status, Body: a.Body, Fields: appendAnswerFields(make([]exchange.Field, 0, answerFields), a)}
}

// answerOf returns the answer of a message that the loop has published, valid until the next call.
// Its fields are written at once, and not kept.
func (s *posts) answerOf(outcome *httppublish.Outcome, isComplete bool) *exchange.Answer {
	a := outcome.Answer(isComplete)
	s.answered = exchange.Answer{Status: a.Status, Body: a.Body, Fields: appendAnswerFields(s.answered.Fields[:0], a)}
	return &s.answered
}

// appendAnswerFields appends the fields that an answer has for its publisher.
func appendAnswerFields(to []exchange.Field, a *httppublish.Answer) []exchange.Field {
	for _, f := range a.Fields {
		to = append(to, exchange.Field(f))
	}
	return append(
		to,
		exchange.Field{Name: "Content-Type", Value: httppublish.ContentType},
		exchange.Field{Name: "Cache-Control", Value: "no-store"},
	)
}
