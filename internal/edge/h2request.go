package edge

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/http2"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/site"
	"github.com/hassesd/hassesd/internal/edge/transport"
	"github.com/hassesd/hassesd/internal/sse"
)

// serve serves the stream's request.
func (st *h2stream) serve(head *http2.Head, end bool) {
	c := st.h.c
	cfg := c.w.srv.config()
	req, bad := requestOf(head, end)
	if bad != nil {
		st.refuse(bad)
		return
	}
	st.agent = cutAgent(req.Agent)
	if client := c.clientOf(req); client != c.client() {
		st.named = &client
	}
	sub, ans := site.Decide(req, cfg.rules, c.visitor(st.client().Addr()))
	switch {
	case ans.Publish:
		st.servePost(req)
	case sub == nil:
		c.countRefusal(&ans)
		c.logAnswer(&ans, clientAddr(st.client()))
		st.answer(req, &ans)
	case c.shouldDefer(sub, st.client().Addr(), true):
		st.respond(http.StatusOK, c.streamFields(req, cfg), false)
		st.around().front = sse.LastFrame(c.w.retryAfter(cfg))
		st.finish(RefusedWithRetry)
		if c.as != admission.Admit {
			st.h.mux.GoAway(http2.NoError) // it was admitted for this answer alone
		}
	default:
		preface := st.sub.Start(c.w.loop.Now(), grantOf(sub), cfg.Retry)
		st.respond(http.StatusOK, c.streamFields(req, cfg), false)
		st.around().front = preface
		st.h.mux.HaveData(&st.Stream)
		st.h.atLatest(st.next(&cfg.timing))
		c.w.srv.log.Debug("stream opened", "conn", c.id, "peer", clientAddr(st.client()), "id", sub.ID, "rooms", len(sub.Rooms), "all", sub.All)
	}
}

// requestOf returns what a request says, or the answer to one that cannot be served.
func requestOf(head *http2.Head, end bool) (*exchange.Request, *exchange.Answer) {
	if head.HostDiffers {
		return nil, exchange.Hostile("Host and :authority name different hosts")
	}
	req := &exchange.Request{Method: head.Method, Host: head.Authority, HasBody: !end || head.ContentLength > 0, ContentLength: head.ContentLength}
	if end {
		req.ContentLength = 0
	}
	path, query, _ := strings.Cut(head.Path, "?")
	var err error
	if req.Path, err = url.PathUnescape(path); err != nil {
		return nil, exchange.Malformed("the request is malformed")
	}
	req.RawQuery = query
	var origins, authorizations int
	var lastIDs, forwardedFor, forwarded, wantHeaders []string
	for _, f := range head.Fields {
		switch f.Name {
		case "origin":
			origins++
			req.Origin = f.Value
		case "user-agent":
			req.Agent = f.Value
		case "last-event-id":
			lastIDs = append(lastIDs, f.Value)
		case "authorization":
			authorizations++
			req.Authorization = f.Value
		case "cookie":
			req.Cookie = f.Value
		case "sec-fetch-site":
			req.FetchSite = f.Value
		case "x-forwarded-for":
			forwardedFor = append(forwardedFor, f.Value)
		case "forwarded":
			forwarded = append(forwarded, f.Value)
		case "content-type":
			req.ContentType = append(req.ContentType, f.Value)
		case "content-encoding":
			req.ContentEncoding = append(req.ContentEncoding, f.Value)
		case "idempotency-key":
			req.IdempotencyKey = append(req.IdempotencyKey, f.Value)
		case "access-control-request-method":
			req.WantMethod = f.Value
		case "access-control-request-headers":
			wantHeaders = append(wantHeaders, f.Value)
		}
	}
	req.LastEventID = strings.Join(lastIDs, ", ")
	req.ForwardedFor = strings.Join(forwardedFor, ", ")
	req.Forwarded = strings.Join(forwarded, ", ")
	req.WantHeaders = strings.Join(wantHeaders, ",")
	switch {
	case origins > 1:
		return nil, exchange.Malformed("the request has more than one Origin field")
	case authorizations > 1:
		return nil, exchange.Malformed("the request has more than one Authorization field")
	}
	return req, nil
}

// headTooLarge returns the answer to a head over limits.request_bytes.
func headTooLarge() *exchange.Answer {
	return exchange.Refuse(http.StatusRequestHeaderFieldsTooLarge, exchange.CodeHeadTooLarge, "the request head is too long")
}

// refuse answers a request that cannot be served.
func (st *h2stream) refuse(bad *exchange.Answer) {
	c := st.h.c
	c.countRefusal(bad)
	c.logAnswer(bad, clientAddr(st.client()))
	if bad.Hostile {
		c.violation(admission.ProtocolBroken)
	}
	st.answer(nil, bad)
}

// answer sends a finite response. req is nil if the request could not be read.
func (st *h2stream) answer(req *exchange.Request, a *exchange.Answer) {
	c := st.h.c
	c.w.srv.config().rules.Complete(a, req, c.w.date.of(c.w.loop.Now()), c.transport.IsSecure())
	fields := a.Fields
	if a.Body != nil {
		fields = append(fields, exchange.Field{Name: "content-length", Value: strconv.Itoa(len(a.Body))})
	}
	st.reason = Answered
	st.endBy = c.w.now() + transport.DrainTime
	st.h.atLatest(st.endBy)
	if len(a.Body) == 0 || req != nil && req.Method == http.MethodHead {
		st.respond(a.Status, fields, true)
		return
	}
	st.respond(a.Status, fields, false)
	st.around().front = a.Body
	st.finish(Answered)
}

// respond sends the head of the answer.
func (st *h2stream) respond(status int, fields []exchange.Field, end bool) {
	out := st.h.c.w.fields2[:0]
	for _, f := range fields {
		out = append(out, http2.Field{Name: f.Name, Value: f.Value})
	}
	st.h.mux.Respond(&st.Stream, status, out, end)
	st.h.c.w.fields2 = out
}

var _ poster = (*h2stream)(nil)

// servePost serves a POST that publishes. What has not been taken of its body is not given back to the
// stream's window, so that a client that is held back stops.
func (st *h2stream) servePost(req *exchange.Request) {
	c := st.h.c
	p, refused := c.beginPost(req, st.client(), st, pipeHTTP2)
	if refused != nil {
		c.logAnswer(refused, clientAddr(st.client()))
		st.answer(req, refused)
		return
	}
	st.post = p
	if !req.HasBody { // an empty body may still have its end to come, whatever its length
		p.write(nil, true)
	}
}

// took implements poster.
func (st *h2stream) took(n int) {
	st.h.mux.Consumed(&st.Stream, n)
	st.h.c.schedule(scheduler.High)
}

// published implements poster.
func (st *h2stream) published(req *exchange.Request, a *exchange.Answer) {
	c := st.h.c
	st.post = nil
	if a == nil {
		st.reset(TransportFailed)
		return
	}
	if a.Status == http.StatusOK {
		st.h.mux.Credit()
	}
	c.logAnswer(a, clientAddr(st.client()))
	st.answer(req, a)
	c.schedule(scheduler.High)
}

var _ http2.Handler = (*h2conn)(nil)

// NewStream implements http2.Handler.
func (h *h2conn) NewStream() (*http2.Stream, http2.Owner) {
	st := &h.first
	if !h.begun {
		st.sub = &h.c.sub
	} else {
		further := new(furtherStream)
		st = &further.h2stream
		st.sub = &further.sub
	}
	h.begun, h.idle = true, false
	st.h = h
	st.sub.SetKind(uint8(kindOf(http20, h.c.transport.IsSecure())))
	st.sub.Init(st, h.c.id) // all in step: heartbeats of silent streams share a record
	return &st.Stream, st
}

// AcceptsBody implements http2.Handler: only POST has a body.
func (h *h2conn) AcceptsBody(s *http2.Stream) bool { return h2streamOf(s).post != nil }

// Refused implements http2.Handler.
func (h *h2conn) Refused(code http2.ErrCode) {
	switch {
	case code != http2.RefusedStream:
		h.c.w.refuse(RefusedRequest)
	case h.mux.IsGoingAway():
		h.c.w.refuse(RefusedDraining)
	default:
		h.c.w.refuse(RefusedStreamsOfConnection)
	}
}

// TooLarge implements http2.Handler.
func (h *h2conn) TooLarge(s *http2.Stream) { h2streamOf(s).refuse(headTooLarge()) }

// Request implements http2.Handler.
func (h *h2conn) Request(s *http2.Stream, head *http2.Head, end bool) { h2streamOf(s).serve(head, end) }
