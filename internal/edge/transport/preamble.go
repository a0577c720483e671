package transport

import (
	"errors"

	"github.com/hassesd/hassesd/internal/reactor"
)

// readPreamble reads what the protocol knows to be preamble, and nothing beyond it: that is for the
// handshake's goroutine, or for the protocol.
func (c *Conn) readPreamble() {
	for more := c.protocol.Preamble(nil); more > 0; {
		n, err := c.source.Read(c.loop.ReadBuffer[:min(more, len(c.loop.ReadBuffer))])
		switch {
		case errors.Is(err, reactor.ErrWouldBlock):
			return
		case err != nil:
			c.protocol.ReadFailed(err)
			return
		}
		if more = c.protocol.Preamble(c.loop.ReadBuffer[:n]); c.IsFailing() {
			return
		}
	}
	c.begin()
	if c.protocol.PreambleDone(); c.IsFailing() || c.state == Closed {
		return
	}
	if c.state == Open {
		c.Read()
		return
	}
	// The first bytes of the handshake may have come already; only if they have, it begins.
	if err := c.source.Recheck(); err != nil {
		c.protocol.ReadFailed(err)
	}
}
