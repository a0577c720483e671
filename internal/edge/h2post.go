package edge

import (
	"net/http"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/scheduler"
)

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
