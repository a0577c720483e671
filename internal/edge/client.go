package edge

import (
	"errors"
	"net/netip"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/proxy"
)

// asProxied returns what c has as the connection of a proxy.
func (c *conn) asProxied() *proxied {
	if c.proxied == nil {
		c.proxied = &proxied{peer: c.client(), as: c.as, held: c.addr(), opened: c.addr()}
	}
	return c.proxied
}

// held returns the address for which admission counts the connection.
func (c *conn) held() netip.Addr {
	if c.proxied != nil {
		return c.proxied.held
	}
	return c.addr()
}

// opened returns the address for which admission counts the open stream of HTTP/1.
func (c *conn) opened() netip.Addr {
	if c.proxied != nil {
		return c.proxied.opened
	}
	return c.addr()
}

// errHeaderCut is the error of a PROXY header that is not whole.
var errHeaderCut = errors.New("the PROXY header is cut")

// failHeader ends a connection for its PROXY header.
func (c *conn) failHeader(err error) {
	c.hint(hintBadProxyHeader, "err", err)
	c.fail(BadProxyHeader)
}

// isHeaderCut reports whether a PROXY header has begun, and not ended.
func (c *conn) isHeaderCut() bool { return c.proxied != nil && len(c.proxied.header) > 0 }

// introduce admits the client that a PROXY header names, as if it had connected itself: the limits
// did not apply to the proxy.
func (c *conn) introduce(client netip.AddrPort) {
	via, srv := c.proxied, c.w.srv
	as := srv.admitFor(c.w, via.held, client, admission.Visit{
		Addr:       client.Addr(),
		Handshake:  c.transport.IsSecure(),
		Challenged: c.transport.IsSecure() && srv.isChallenged(),
	})
	if !as.Holds() {
		c.setClient(client)
		c.fail(NotAdmitted)
		return
	}
	via.held = client.Addr()
	c.setClient(client)
	if via.as == admission.Admit && as != admission.Admit {
		via.as = as
		if !c.setVerdict(as) {
			c.fail(NotAdmitted)
		}
	}
	via.peer = client
	srv.log.Debug("a proxy opens a connection", "conn", c.id, "peer", c.peer())
}

// recognize makes the client that a request of HTTP/1 names the connection's client. Requests of
// several clients may follow each other on a connection.
func (c *conn) recognize(req *exchange.Request) {
	client := c.clientOf(req)
	if client == c.client() {
		return
	}
	via := c.asProxied()
	as := c.w.srv.admitFor(c.w, via.held, client, admission.Visit{Addr: client.Addr()})
	if as.Holds() {
		via.held = client.Addr()
	} else {
		as = admission.AdmitDefer // its connection is the proxy's, whose other clients need it
	}
	if via.as != admission.Admit {
		as = via.as
	}
	c.setClient(client)
	c.setVerdict(as)
}

// clientOf returns whom a request speaks for: the client that it names if a trusted proxy has sent
// it without TLS, the connection's own peer otherwise.
func (c *conn) clientOf(req *exchange.Request) netip.AddrPort {
	peer := c.client()
	if c.proxied != nil {
		peer = c.proxied.peer
	}
	cfg := c.w.srv.config()
	if c.transport.IsSecure() || cfg.Proxies.Field == proxy.NoField || !cfg.isProxy(peer.Addr()) {
		return peer
	}
	value := req.ForwardedFor
	if cfg.Proxies.Field == proxy.Forwarded {
		value = req.Forwarded
	}
	if client, ok := cfg.Proxies.Field.Client(value, &cfg.Proxies.Trusted); ok {
		return client
	}
	return peer
}

// setVerdict replaces the verdict on a connection, and reports whether there is room among those
// that are deferred.
func (c *conn) setVerdict(as admission.Verdict) bool {
	srv := c.w.srv
	room := true
	switch was := c.as; {
	case was == admission.Admit && as != admission.Admit:
		room = srv.deferred.Add(1) <= int64(srv.deferLimit())
	case was != admission.Admit && as == admission.Admit:
		srv.deferred.Add(-1)
	}
	c.as = as
	return room
}

// admitFor decides about a connection whose proxy has named its client. If it is admitted, it counts
// for the client from then on, and not for held any more.
func (s *shared) admitFor(w *worker, held netip.Addr, client netip.AddrPort, v admission.Visit) admission.Verdict {
	as := s.admission.Admit(w.now(), v)
	s.countVerdict(s.log, w.now(), client, as)
	if as.Holds() {
		s.admission.Release(held)
	}
	return as
}
