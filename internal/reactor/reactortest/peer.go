package reactortest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Peer is the far end of a connection, in the hands of the test.
type Peer struct{ c *connection }

// Send has the server receive b.
func (p *Peer) Send(b []byte) {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	p.send(b)
}

func (p *Peer) send(b []byte) {
	if len(b) == 0 {
		return
	}
	p.c.toServer = append(p.c.toServer, b...)
	p.c.file.changed()
}

// Received returns what the server has written since the last call, and makes
// room for more. It does not block.
func (p *Peer) Received() []byte {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	b := p.c.toClient
	p.c.toClient = nil
	p.c.taken()
	return b
}

// Unread returns how many of the bytes sent the server has not read.
func (p *Peer) Unread() int {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	return len(p.c.toServer)
}

// Acks returns how often the server acknowledged at once what had come.
func (p *Peer) Acks() int {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	return p.c.acks
}

// SetWindow sets how many bytes the server can have written without their being
// received. With 0 no write takes anything.
func (p *Peer) SetWindow(n int) {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	p.c.window = n
	p.c.taken()
}

// Throttle lets the server read and write at most so many bytes between two
// waits of its loop; then it would block. 0 lifts that limit. Throttle(1, 1)
// cuts everything at every byte.
func (p *Peer) Throttle(read, write int) {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	p.c.readStep, p.c.writeStep = read, write
	p.c.readLeft, p.c.writeLeft = read, write
	p.c.file.changed()
}

// FailWrites makes the server's writes fail with errno, as those to a peer that
// does not acknowledge fail with ETIMEDOUT.
func (p *Peer) FailWrites(errno unix.Errno) {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	p.c.writeFailure = errno
	p.c.file.changed()
}

// CloseWrite has the server read the end of the stream.
func (p *Peer) CloseWrite() { p.end(clientEOF) }

// Close has the server read the end of the stream, and its writes fail.
func (p *Peer) Close() { p.end(clientGone) }

// Reset has the server's reads and writes fail.
func (p *Peer) Reset() { p.end(clientReset) }

func (p *Peer) end(how clientEnd) {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	if p.c.clientEnd < how {
		p.c.clientEnd = how
	}
	p.c.wakeClient()
	p.c.file.changed()
}

// Closed reports whether the server has closed its descriptor, and reset
// whether the peer was sent a reset by that.
func (p *Peer) Closed() (closed, reset bool) {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	return p.c.serverEnd >= serverGone, p.c.serverEnd == serverReset
}

// Ended reports whether the server has closed or shut down its sending
// direction.
func (p *Peer) Ended() bool {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	return p.c.serverEnd != serverOpen
}

// Conn returns the peer as a net.Conn whose Read blocks in real time, for a
// client that runs on a goroutine of its own. Its Write never blocks.
func (p *Peer) Conn() net.Conn {
	p.c.kernel.mu.Lock()
	defer p.c.kernel.mu.Unlock()
	if p.c.client == nil {
		p.c.client = sync.NewCond(&p.c.kernel.mu)
	}
	return &clientConn{peer: p}
}

// clientConn is a Peer with blocking reads. Its fields are guarded by Kernel.mu.
type clientConn struct {
	peer     *Peer
	closed   bool
	deadline time.Time
	alarm    *time.Timer
}

func (n *clientConn) Read(b []byte) (int, error) {
	c := n.peer.c
	c.kernel.mu.Lock()
	defer c.kernel.mu.Unlock()
	for {
		switch {
		case n.closed:
			return 0, net.ErrClosed
		case len(c.toClient) > 0:
			took := copy(b, c.toClient)
			c.toClient = c.toClient[took:]
			c.taken()
			return took, nil
		case c.serverEnd == serverReset:
			return 0, os.NewSyscallError("read", unix.ECONNRESET)
		case c.serverEnd != serverOpen:
			return 0, io.EOF
		case !n.deadline.IsZero() && time.Until(n.deadline) <= 0:
			return 0, os.ErrDeadlineExceeded
		}
		c.client.Wait()
	}
}

func (n *clientConn) Write(b []byte) (int, error) {
	c := n.peer.c
	c.kernel.mu.Lock()
	defer c.kernel.mu.Unlock()
	switch {
	case n.closed:
		return 0, net.ErrClosed
	case c.serverEnd >= serverGone:
		return 0, os.NewSyscallError("write", unix.EPIPE)
	}
	n.peer.send(b)
	return len(b), nil
}

func (n *clientConn) CloseWrite() error {
	n.peer.CloseWrite()
	return nil
}

func (n *clientConn) Close() error {
	n.peer.c.kernel.mu.Lock()
	if n.alarm != nil {
		n.alarm.Stop()
	}
	n.closed = true
	n.peer.c.kernel.mu.Unlock()
	n.peer.Close()
	return nil
}

func (n *clientConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(n.peer.c.addr) }

func (n *clientConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.AddrPort{}) }

func (n *clientConn) SetDeadline(t time.Time) error { return n.SetReadDeadline(t) }

func (n *clientConn) SetReadDeadline(t time.Time) error {
	c := n.peer.c
	c.kernel.mu.Lock()
	defer c.kernel.mu.Unlock()
	n.deadline = t
	if n.alarm != nil {
		n.alarm.Stop()
		n.alarm = nil
	}
	if !t.IsZero() {
		n.alarm = time.AfterFunc(time.Until(t), c.client.Broadcast)
	}
	c.client.Broadcast()
	return nil
}

// SetWriteDeadline does nothing: a Write does not wait.
func (n *clientConn) SetWriteDeadline(time.Time) error { return nil }
