package api

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
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
	open int
	of   map[netip.Prefix]int
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

// Accept implements net.Listener. It closes connections over the bounds at once: those that are
// served give up their places within the deadlines.
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		network := networkOf(c.RemoteAddr())
		if reason, ok := l.enter(network); !ok {
			l.refused[reason].Add(1)
			_ = c.Close()
			continue
		}
		bound := &boundConn{Conn: c, listener: l, network: network}
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

func (l *boundListener) enter(network netip.Prefix) (Refusal, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.most:
		return RefusedConnections, false
	case network.IsValid() && l.of[network] >= l.mostOf:
		return RefusedConnectionsNetwork, false
	}
	l.open++
	if network.IsValid() {
		l.of[network]++
	}
	return 0, true
}

func (l *boundListener) leave(network netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !network.IsValid() {
		return
	}
	if l.of[network]--; l.of[network] == 0 {
		delete(l.of, network)
	}
}

// boundConn is a connection that counts against the bounds until it is closed.
type boundConn struct {
	net.Conn
	listener *boundListener
	network  netip.Prefix
	closed   sync.Once

	mu        sync.Mutex
	leaveGate func() // of the handshake that computes; nil: none. Guarded by mu.
}

// Close implements net.Conn.
func (c *boundConn) Close() error {
	c.closed.Do(func() {
		c.leaveSlot()
		c.listener.leave(c.network)
	})
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
