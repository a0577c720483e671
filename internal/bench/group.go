package bench

import "errors"

// group is the streams that share connections of HTTP/2: one at a time, and another one once the
// server lets that one take no further requests. It belongs to the loop.
type group struct {
	l       *streamLoop // fixed
	mux     *mux        // takes requests; nil: none does
	dialing bool
	waiting []*stream // for the connection that is being dialled
}

// ask sends the request of s, over a new connection if there is none.
func (g *group) ask(s *stream) {
	if g.mux != nil {
		g.mux.request(s)
		return
	}
	g.waiting = append(g.waiting, s)
	if !g.dialing {
		g.dial()
	}
}

// dial connects. What is waiting at that time asks in the first packet.
func (g *group) dial() {
	g.dialing = true
	m := newMux(g)
	first := g.waiting
	g.waiting = nil
	for _, s := range first {
		m.prepare(s)
	}
	hello := m.out
	m.out = nil
	l := g.l
	l.dialling.Go(func() {
		c, err := l.dialer.dial(l.ctx, hello, 0)
		posted := l.loop.PostWait(l.ctx, func() { g.connected(m, c, err) })
		if posted != nil && err == nil {
			closeFD(c.fd)
		}
	})
}

// connected takes what a goroutine has dialled for m, or why it could not.
func (g *group) connected(m *mux, c call, err error) {
	g.dialing = false
	if err == nil {
		m.link, err = g.l.open(c, m)
	}
	waiting := g.waiting
	g.waiting = nil
	if err != nil {
		m.over(err)
		for _, s := range waiting {
			s.fail(err)
		}
		return
	}
	g.mux = m
	m.asked()
	for _, s := range waiting {
		g.ask(s)
	}
	m.link.resume()
}

// retire makes the next request go over another connection than m.
func (g *group) retire(m *mux) {
	if g.mux == m {
		g.mux = nil
	}
}

// endIdle closes the connection if no stream is left on it.
func (g *group) endIdle() {
	if g.mux != nil && len(g.mux.streams) == 0 {
		g.end()
	}
}

// end closes the connection.
func (g *group) end() {
	if g.mux != nil {
		g.mux.over(errEnded)
	}
}

// errEnded is how a connection ends that we end.
var errEnded = errors.New("the run is over")
