package api

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// networkShare is which part of the connections one network may hold, beyond this machine.
const networkShare = 4

// boundListener bounds the connections, in all and of each network, and speaks TLS if there is a
// configuration for it.
type boundListener struct {
	net.Listener
	tls           *tls.Config // nil: none
	most, mostOf  int         // connections, and those of one network
	handshakeSlot func(ctx context.Context) (leave func(), err error)
	refused       *refusals

	mu sync.Mutex
	// Guarded by mu.
	open   int
	of     map[netip.Prefix]int
	silent []*boundConn // those that have sent no request yet, the oldest first
	idle   []*boundConn // those between two requests, the one that has waited longest first
}

func newBoundListener(o Options, refused *refusals) *boundListener {
	l := &boundListener{
		Listener:      o.Listener,
		most:          max(1, o.Connections),
		mostOf:        max(1, o.Connections/networkShare),
		handshakeSlot: o.HandshakeSlot,
		refused:       refused,
		of:            make(map[netip.Prefix]int),
	}
	if o.TLS != nil {
		l.tls = o.TLS.Clone()
		config := l.tls.GetConfigForClient
		l.tls.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, ok := hello.Conn.(*boundConn)
			if !ok {
				panic("api: internal error: a handshake on another listener's connection")
			}
			if err := c.enterSlot(hello.Context()); err != nil {
				return nil, err
			}
			own, err := config(hello)
			if own == nil || err != nil {
				return own, err
			}
			own.VerifyConnection = func(tls.ConnectionState) error { c.leaveSlot(); return nil }
			return own, nil
		}
	}
	return l
}

// Accept implements net.Listener. At a bound, the oldest connection that has sent no request yet
// gives way, or else the one that has waited longest for its next one. So clients that only connect, or
// only keep their connections, cannot keep a probe out. If all serve a request, the new connection is
// closed at once: they give up their places within the deadlines.
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		bound := &boundConn{Conn: c, listener: l, network: networkOf(c.RemoteAddr())}
		reason, ok := l.enter(bound)
		if !ok {
			if old, why := l.takeUnused(reason, bound.network); old != nil {
				l.refused[why].Add(1)
				_ = old.Close()
				reason, ok = l.enter(bound)
			}
		}
		if !ok {
			l.refused[reason].Add(1)
			_ = c.Close()
			continue
		}
		if l.tls == nil {
			return bound, nil
		}
		return tls.Server(bound, l.tls), nil
	}
}

// networkOf returns the network that a client counts for; the zero value on this machine.
func networkOf(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	addr := tcp.AddrPort().Addr().Unmap()
	bits := 64 // IPv6 sites hand out at least so much
	switch {
	case addr.IsLoopback():
		return netip.Prefix{}
	case addr.Is4():
		bits = 32
	}
	network, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		panic("api: internal error: " + err.Error())
	}
	return network
}

// enter counts a connection, unless a bound is reached.
func (l *boundListener) enter(c *boundConn) (Refusal, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.network.IsValid() && l.of[c.network] >= l.mostOf: // first: others do not give way to it
		return RefusedConnectionsNetwork, false
	case l.open >= l.most:
		return RefusedConnections, false
	}
	l.open++
	if c.network.IsValid() {
		l.of[c.network]++
	}
	l.silent = append(l.silent, c)
	return 0, true
}

// leave undoes enter.
func (l *boundListener) leave(c *boundConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.use(c)
	c.isOut = true
	l.open--
	if !c.network.IsValid() {
		return
	}
	if l.of[c.network]--; l.of[c.network] == 0 {
		delete(l.of, c.network)
	}
}

// takeUnused returns the connection that is to give way where reason says that there is no room, and
// what that counts as. It is nil if all that could make room serve a request.
func (l *boundListener) takeUnused(reason Refusal, network netip.Prefix) (*boundConn, Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	makesRoom := func(c *boundConn) bool { return reason == RefusedConnections || c.network == network }
	why, of := RefusedSilent, l.silent
	i := slices.IndexFunc(of, makesRoom)
	if i < 0 {
		why, of = RefusedIdle, l.idle
		i = slices.IndexFunc(of, makesRoom)
	}
	if i < 0 {
		return nil, 0
	}
	c := of[i]
	l.use(c)
	return c, why
}

// connState is the server's http.Server.ConnState: from its first request on a connection is no
// longer silent, and between two requests it is idle.
func (l *boundListener) connState(c net.Conn, state http.ConnState) {
	if state != http.StateActive && state != http.StateIdle {
		return
	}
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	bound := c.(*boundConn)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.use(bound)
	if state == http.StateIdle && !bound.isOut {
		l.idle = append(l.idle, bound)
	}
}

// use takes a connection out of those that give way. The caller holds mu.
func (l *boundListener) use(c *boundConn) {
	for _, of := range []*[]*boundConn{&l.silent, &l.idle} {
		if i := slices.Index(*of, c); i >= 0 {
			*of = slices.Delete(*of, i, i+1)
		}
	}
}

// boundConn is a connection that counts against the bounds until it is closed.
type boundConn struct {
	net.Conn
	listener *boundListener
	network  netip.Prefix
	closed   sync.Once
	isOut    bool // it no longer counts; guarded by boundListener.mu

	mu        sync.Mutex
	leaveGate func() // of the handshake that computes; nil: none. Guarded by mu.
}

// Close implements net.Conn. The server calls it last, and the listener before that if the connection
// gives way, even while its handshake waits for a slot.
func (c *boundConn) Close() error {
	c.leaveSlot()
	c.closed.Do(func() { c.listener.leave(c) })
	return c.Conn.Close()
}

// enterSlot waits until the handshake may compute.
func (c *boundConn) enterSlot(ctx context.Context) error {
	if c.listener.handshakeSlot == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, headerTimeout)
	defer cancel()
	leave, err := c.listener.handshakeSlot(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveGate = leave
	return nil
}

// leaveSlot ends what enterSlot has begun: the server's part of the handshake is computed, or the
// connection is closed.
func (c *boundConn) leaveSlot() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaveGate != nil {
		c.leaveGate()
		c.leaveGate = nil
	}
}
