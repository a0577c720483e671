package edge

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/httppublish"
)

// post is a POST request in work. A goroutine reads its body from a pipe, publishes what is in it,
// and posts the answer to the loop. Everything else belongs to the loop.
type post struct {
	// Fixed after creation.
	w    *worker
	pipe *pipe
	req  *exchange.Request
	stop context.CancelFunc

	// Owned by the loop. Nil once it has the answer, or its client is gone.
	owner poster
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
	})
	if refused != nil {
		if refused.WrongKey {
			srv.admission.RecordViolation(c.w.now(), from.Addr(), admission.WrongKey)
		}
		return nil, exchangeAnswer(refused)
	}
	release, code := srv.posts.acquire(from.Addr(), srv.config().Requests, srv.admission.IsExempt(from.Addr()))
	if release == nil {
		return nil, exchangeAnswer(service.Refuse(code, "too many requests are in work; publish again a little later"))
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &post{w: c.w, req: req, owner: owner, stop: stop}
	p.pipe = newPipe(full, p.took)
	conn := c.id
	go func() {
		defer release()
		var a *exchange.Answer
		defer func() {
			if x := recover(); x != nil {
				srv.log.Error("publishing a request panicked", "conn", conn, "peer", clientAddr(from), "err", x, "stack", string(debug.Stack()))
				a = nil
			}
			stop()
			p.call(func(o poster) { p.owner = nil; o.published(req, a) })
		}()
		if answer := publication.Run(ctx, p.pipe); answer != nil {
			a = exchangeAnswer(answer)
		}
	}()
	return p, nil
}

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
	_ = p.w.loop.PostWait(context.Background(), func() {
		p.w.figures.begin()
		if p.owner != nil {
			fn(p.owner)
		}
	})
}

// took reports bytes that the goroutine has taken.
func (p *post) took(n int) { p.call(func(o poster) { o.took(n) }) }

// write hands a piece of the body on, and its end. isFull: stop for now, took follows.
func (p *post) write(data []byte, end bool) (isFull bool) {
	if len(data) > 0 {
		isFull = p.pipe.write(data)
	}
	if end {
		p.pipe.close(io.EOF)
	}
	return isFull
}

// malformed ends a body that is not what its framing says. The answer follows.
func (p *post) malformed(bad *exchange.Answer) {
	p.pipe.close(fmt.Errorf("%w: %s", httppublish.ErrMalformed, bad.Message))
}

// interrupt has a body read no further, because the daemon stops. The answer follows.
func (p *post) interrupt() { p.pipe.cut(httppublish.ErrStopping) }

// abandon ends a request whose client is gone.
func (p *post) abandon() {
	p.owner = nil
	p.pipe.cut(errClientGone)
	p.stop()
}

// exchangeAnswer returns an answer as the edge sends it.
func exchangeAnswer(a *httppublish.Answer) *exchange.Answer {
	out := &exchange.Answer{Status: a.Status, Body: a.Body}
	for _, f := range a.Fields {
		out.Fields = append(out.Fields, exchange.Field(f))
	}
	out.Fields = append(
		out.Fields,
		exchange.Field{Name: "Content-Type", Value: httppublish.ContentType},
		exchange.Field{Name: "Cache-Control", Value: "no-store"},
	)
	return out
}

// postSlots bounds the POST requests in work. Any loop may use it.
type postSlots struct {
	mu sync.Mutex
	// guarded by mu
	total    int
	networks map[admission.Network]int
}

// acquire takes a slot, of most in all and half of them for one network that is not exempt. Call
// release once to give it back. Without a slot, release is nil and code is why.
func (s *postSlots) acquire(from netip.Addr, most int, isExempt bool) (release func(), code httppublish.Code) {
	network := admission.NetworkOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.total >= most:
		return nil, httppublish.CodeOverloaded
	case !isExempt && s.networks[network] >= max(1, most/2):
		return nil, httppublish.CodeTooManyRequests
	}
	if s.networks == nil {
		s.networks = make(map[admission.Network]int)
	}
	s.total++
	s.networks[network]++
	return func() { s.release(network) }, ""
}

func (s *postSlots) release(network admission.Network) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.networks[network]--; s.networks[network] == 0 {
		delete(s.networks, network)
	}
}

// Publishing returns the number of POST requests in work.
func (s *Server) Publishing() int { return s.posts.inWork() }

// inWork returns the number of requests in work.
func (s *postSlots) inWork() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
