package transport

import (
	"errors"
	"io"
	"net"

	"github.com/hassesd/hassesd/internal/reactor"
)

const (
	// readsPerTurn bounds how long one peer can hold the loop.
	readsPerTurn = 4
	// discardsMost is how many reads a closing connection discards, of a ReadBuffer each: 256 KiB. A
	// peer that sends more after our answer or error may lose that to a reset; reading on would cost
	// more than all that it was refused.
	discardsMost = 64
)

// errHangup is the error of a connection that ends before it has sent anything.
var errHangup = io.EOF

// Read reads until the socket is empty. With TLS that is when a read would block: crypto/tls may hold
// bytes that epoll never announces.
func (c *Conn) Read() {
	buf := c.loop.ReadBuffer
	for range readsPerTurn {
		if c.input.has(inputHeld) {
			break // Resume calls again
		}
		n, err := c.wire().ReadPlain(buf)
		if c.state == Open {
			c.protocol.Receive(buf[:n])
		}
		if c.IsFailing() || c.state == Closed {
			return
		}
		if c.state == Closing && n > 0 {
			if c.discards++; c.discards > discardsMost {
				c.Fail()
				return
			}
		}
		switch {
		case errors.Is(err, reactor.ErrWouldBlock), err == nil && c.isEmpty():
			c.flushAfterRead()
			return
		case err != nil:
			c.readFailed(err)
			return
		}
	}
	c.flushAfterRead()
	if !c.input.has(inputHeld) {
		c.source.Again()
	}
}

// Hold stops reading until Resume, or until the connection is closing: the protocol has not yet
// dealt with what it has.
func (c *Conn) Hold() { c.input.set(inputHeld, c.state == Open) }

// Resume goes on reading, in the next turn if there may be something.
func (c *Conn) Resume() {
	if !c.input.has(inputHeld) {
		return
	}
	c.input.set(inputHeld, false)
	if !c.isEmpty() {
		c.source.Again()
	}
}

// isEmpty reports whether a read would block, as far as that is known without TLS.
func (c *Conn) isEmpty() bool {
	return c.input.has(inputDrained) && !c.secure && c.state == Open
}

// flushAfterRead sends what reading may have produced: alerts and answers to key updates.
func (c *Conn) flushAfterRead() {
	if c.wire().Pending() > 0 && !c.blocked {
		c.protocol.Writable(false)
	}
}

// readFailed handles a failed read. A closing connection still sends what is queued: the peer may
// only have shut its own side.
func (c *Conn) readFailed(err error) {
	c.peerDone = true
	if c.state == Closing && c.step != closeShut && IsEnd(err) {
		c.protocol.Writable(true)
		return
	}
	_, _ = c.wire().Flush() // an alert that crypto/tls wrote about the peer's mistake
	c.protocol.ReadFailed(err)
}

// IsEnd reports whether err means that the peer has ended the connection, as opposed to a failure
// of the transport.
func IsEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
