package reactortest

import (
	"io"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

// defaultWindow is about what a kernel takes from a writer whose peer does not
// read.
const defaultWindow = 256 << 10

// connection joins a server's descriptor with a Peer. Guarded by Kernel.mu.
type connection struct {
	kernel *Kernel
	addr   netip.AddrPort // of the peer
	file   *file          // nil: waits in a backlog, or closed by the server
	client *sync.Cond     // the peer's side changed; nil: nobody waits

	toServer  []byte
	toClient  []byte
	window    int // bytes toClient may hold
	starved   bool
	readStep  int // bytes the server may read between two Waits; 0: any number
	readLeft  int
	writeStep int // and write
	writeLeft int
	throttled bool // in the poller's list

	clientEnd    clientEnd
	serverEnd    serverEnd
	abortive     bool  // the server's close is to be a reset
	acks         int   // times the server asked to acknowledge at once
	writeFailure error // of the server's next writes
}

// clientEnd is what the server can still hear of the peer.
type clientEnd uint8

const (
	clientOpen  clientEnd = iota
	clientEOF             // sends no more, still reads
	clientGone            // closed: reads no more either
	clientReset           // reset the connection
)

// serverEnd is what the peer can still hear of the server.
type serverEnd uint8

const (
	serverOpen  serverEnd = iota
	serverEOF             // shut down its sending direction
	serverGone            // closed
	serverReset           // closed with a reset
)

func newConnection(k *Kernel) *connection {
	return &connection{kernel: k, window: defaultWindow}
}

func (c *connection) readiness() (ev reactor.Events) {
	switch c.clientEnd {
	case clientReset:
		return reactor.Readable | reactor.Writable | reactor.Hangup
	case clientEOF, clientGone:
		ev |= reactor.Readable | reactor.Hangup
	case clientOpen:
	}
	if c.readable() > 0 {
		ev |= reactor.Readable
	}
	if c.writable() > 0 {
		ev |= reactor.Writable
	}
	return ev
}

func (c *connection) readable() int {
	if c.readStep > 0 {
		return min(len(c.toServer), c.readLeft)
	}
	return len(c.toServer)
}

func (c *connection) writable() int {
	room := max(0, c.window-len(c.toClient))
	if c.writeStep > 0 {
		return min(room, c.writeLeft)
	}
	return room
}

func (c *connection) serverRead(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if c.clientEnd == clientReset {
		return 0, os.NewSyscallError("read", unix.ECONNRESET)
	}
	n := copy(b[:min(len(b), c.readable())], c.toServer)
	if n > 0 {
		c.readLeft -= min(n, c.readLeft)
		if c.toServer = c.toServer[n:]; len(c.toServer) == 0 {
			c.toServer = nil
		}
		if len(c.toServer) > 0 && n < len(b) {
			c.wait() // a short read of a stream is the last one before the next event
		}
		return n, nil
	}
	if len(c.toServer) > 0 {
		c.wait()
		return 0, reactor.ErrWouldBlock
	}
	if c.clientEnd != clientOpen {
		return 0, io.EOF
	}
	return 0, reactor.ErrWouldBlock
}

func (c *connection) serverWrite(b []byte) (int, error) {
	switch {
	case c.writeFailure != nil:
		return 0, os.NewSyscallError("write", c.writeFailure)
	case c.serverEnd != serverOpen, c.clientEnd == clientGone:
		return 0, os.NewSyscallError("write", unix.EPIPE)
	case c.clientEnd == clientReset:
		return 0, os.NewSyscallError("write", unix.ECONNRESET)
	case len(b) == 0:
		return 0, nil
	}
	n := min(len(b), c.writable())
	if n > 0 {
		c.writeLeft -= min(n, c.writeLeft)
		c.toClient = append(c.toClient, b[:n]...)
		c.wakeClient()
	}
	if n < len(b) {
		c.starved = true
		c.wait()
	}
	if n == 0 {
		return 0, reactor.ErrWouldBlock
	}
	return n, nil
}

// wait has a throttled connection go on at the next Wait.
func (c *connection) wait() {
	if c.readStep == 0 && c.writeStep == 0 || c.throttled || c.file == nil || c.file.watch == nil {
		return
	}
	c.throttled = true
	p := c.file.watch.poller
	p.throttle = append(p.throttle, c)
	p.signal()
}

func (c *connection) letGo() {
	c.throttled = false
	c.readLeft, c.writeLeft = c.readStep, c.writeStep
	c.file.changed()
}

// taken tells a starved server that the window has room again.
func (c *connection) taken() {
	if c.starved && c.writable() > 0 {
		c.starved = false
		c.file.changed()
	}
}

func (c *connection) serverCloseWrite() {
	if c.serverEnd == serverOpen {
		c.serverEnd = serverEOF
	}
	c.wakeClient()
}

func (c *connection) serverClose() {
	c.file = nil
	c.serverEnd = serverGone
	if c.abortive || len(c.toServer) > 0 {
		// Like the real one: unread bytes make an ordinary close a reset, but
		// only an abortive close forgets what is on its way.
		c.serverEnd = serverReset
	}
	if c.abortive {
		c.toClient = nil
	}
	c.wakeClient()
}

func (c *connection) wakeClient() {
	if c.client != nil {
		c.client.Broadcast()
	}
}
