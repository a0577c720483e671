package transport

import (
	"errors"
	"io"
	"net"

	"github.com/hassesd/hassesd/internal/reactor"
)

// readsPerTurn bounds how long one talkative peer holds the loop.
const readsPerTurn = 4

// errHangup is the end of a connection that never said a word.
var errHangup = io.EOF

// Read takes what the peer sent until the socket is dry; crypto/tls may hold bytes that epoll can never announce.
func (c *Conn) Read() {
	buf := c.loop.ReadBuffer
	for range readsPerTurn {
		n, err := c.wire.ReadPlain(buf)
		if c.state == Open {
			c.protocol.Receive(buf[:n])
		}
		if c.IsFailing() || c.state == Closed {
			return
		}
		switch {
		case errors.Is(err, reactor.ErrWouldBlock):
			c.flushAfterRead()
			return
		case err != nil:
			c.readFailed(err)
			return
		}
	}
	c.flushAfterRead()
	c.source.Again()
}

// flushAfterRead sends what reading may have produced: alerts and key updates.
func (c *Conn) flushAfterRead() {
	if c.wire.Pending() > 0 && !c.blocked {
		c.protocol.Writable(false)
	}
}

// readFailed acts on the peer's end. What is queued in a connection that is closing is still delivered: the peer may only
// have shut its side.
func (c *Conn) readFailed(err error) {
	c.peerDone = true
	if c.state == Closing && c.step != closeShut && IsEnd(err) {
		c.protocol.Writable(true)
		return
	}
	_, _ = c.wire.Flush() // an alert that crypto/tls wrote about the peer's mistake
	c.protocol.ReadFailed(err)
}

// IsEnd reports whether err is the peer's end of the conversation, not a failure of the transport.
func IsEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
