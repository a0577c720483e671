package server

import (
	"errors"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/listen"
	"github.com/hassesd/hassesd/internal/publish"
)

// sendBuffer is how much of the answers to a TCP client the kernel may hold.
const sendBuffer = 128 << 10

// acceptPause is the wait after a failed accept, most likely because descriptors have run out.
const acceptPause = 100 * time.Millisecond

// listener is a socket that control connections come in by.
type listener struct {
	net.Listener
	endpoint access.Endpoint
	remove   func() // removes the socket's file, if it is still ours; nil: it has none
}

// accept admits the connections of a listener until that is closed.
func (s *shared) accept(l *listener) {
	failing := false
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			failing = false
			s.admit(l.endpoint, nc)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			if !failing {
				s.log.Warn("control connections are not accepted", "door", string(l.endpoint), "err", err)
			}
			failing = true
			select {
			case <-time.After(acceptPause):
			case <-s.ctx.Done():
				return
			}
		}
	}
}

// admit runs a connection as soon as there is a slot for it, or closes it. One without a role needs
// no slot, but room in the lobby.
func (s *shared) admit(endpoint access.Endpoint, nc net.Conn) {
	c := newConn(s, endpoint)
	c.queue = newAnswers()
	c.recordOrigin(nc)
	isUnprivileged := true
	if endpoint == access.TLS {
		conn := newTLSConn(nc, s.rules.mutualTLS.Load(), s.timeouts.write, s.handshakes)
		c.input, c.out = newTLSInput(conn), conn
	} else {
		src, ok := nc.(descriptor)
		if !ok {
			panic("server: internal error: a connection that is no socket")
		}
		c.input, c.out = newInput(src), nc
		rights, _ := s.rules.of(endpoint)
		if endpoint == access.TCP && !rights.AllowsAddress(c.principal.Address) {
			s.refuseNetwork(c, nc)
			return
		}
		c.principal.Judge(rights, nil)
		isUnprivileged = c.principal.Role() == api.RoleNone
	}
	reason, ok := s.roster.admit(c.seat, isUnprivileged)
	if ok {
		return
	}
	attrs := []slog.Attr{slog.String("door", string(endpoint))}
	if isUnprivileged {
		reset(nc)
		attrs = append(attrs, slog.String("peer", c.source))
	} else {
		nc.Close()
		attrs = append(attrs, slog.Int("limit", s.roster.slotsOfEach))
	}
	if reason != "" {
		s.refusals.refuseConnection(s.log, reason, attrs...)
	}
}

// refuseNetwork closes a connection from a network that may not reach the plain port, unread.
func (s *shared) refuseNetwork(c *conn, nc net.Conn) {
	reset(nc)
	s.refusals.refuseConnection(s.log, api.RefusedNetwork, slog.String("door", string(c.seat.endpoint)), slog.String("peer", c.source),
		slog.String("hint", "name its network in control.tcp_networks, if it is a private one"))
}

// newConn returns a connection without input and output.
func newConn(s *shared, endpoint access.Endpoint) *conn {
	c := &conn{shared: s, log: s.log, principal: access.Principal{Endpoint: endpoint}}
	c.seat = &seat{occupant: c, endpoint: endpoint}
	c.publisher = publish.NewSource(doorOf(endpoint), s.roster.stopping)
	c.line = c.newLineHold()
	return c
}

// recordOrigin records where the connection comes from, as far as the kernel knows.
func (c *conn) recordOrigin(nc net.Conn) {
	switch c.seat.endpoint {
	case access.Unix:
		peer, err := listen.Peer(nc)
		if err != nil {
			return // an unknown user has no role
		}
		c.principal.Peer = peer
		c.source = "uid " + strconv.FormatUint(uint64(peer.Uid), 10)
		c.seat.origin = c.source
	case access.TCP, access.TLS: // with TLS, the certificate tells the rest
		c.source = hostOf(nc.RemoteAddr())
		c.seat.origin, c.seat.address = networkOf(nc.RemoteAddr())
		c.principal.Address = c.seat.address
		if tcp, ok := nc.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer) // the kernel would otherwise buffer megabytes that the peer does not read
		}
	case access.FIFO:
	}
}

// hostOf returns an address without its port.
func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// reset closes a connection so that it leaves nothing behind in the kernel.
func reset(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	nc.Close()
}
