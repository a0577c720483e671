package transport

import (
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// Accept takes ownership of an accepted socket, unless it returns an error. preamble: other bytes
// come before the connection's own. Otherwise a connection without TLS is Open at once.
func (c *Conn) Accept(l *Loop, p Protocol, fd int, secure, preamble bool) error {
	if err := l.Reactor.Add(&c.source, fd, c); err != nil {
		return err
	}
	c.loop, c.protocol, c.secure = l, p, secure
	l.inState[Preamble]++
	if !preamble {
		c.begin()
	}
	return nil
}

// begin starts the connection itself.
func (c *Conn) begin() {
	if c.secure {
		c.setState(Accepted)
		return
	}
	c.plain = tlsconn.NewPlain((*descriptor)(c))
	c.setState(Open)
}

// HandleEvents implements reactor.Handler.
func (c *Conn) HandleEvents(ev reactor.Events) {
	if c.IsFailing() {
		return // it is closed in this turn or a later one, and begins nothing more
	}
	if ev&reactor.Hangup != 0 {
		c.input.set(inputHungUp, true)
	}
	switch c.state {
	case Preamble:
		c.readPreamble()
	case Accepted:
		switch {
		case ev&reactor.Hangup != 0:
			c.protocol.ReadFailed(errHangup)
		case ev&reactor.Readable != 0:
			c.protocol.Greeted()
		}
	case Handshaking:
		c.wire().Wake()
	case Open, Closing:
		if ev&reactor.Writable != 0 && c.blocked {
			c.protocol.Writable(false)
		}
		if ev&(reactor.Readable|reactor.Hangup) != 0 && !c.IsFailing() && c.state != Closed {
			c.input.set(inputDrained, false)
			c.Read()
		}
	case Closed:
	}
}

// HandleTimer implements reactor.TimerHandler.
func (c *Conn) HandleTimer(*reactor.Timer, time.Time) {
	if c.IsFailing() {
		return
	}
	switch c.state {
	case Preamble, Accepted, Handshaking, Open:
		c.protocol.Expired()
	case Closing:
		c.Fail()
	case Closed:
	}
}

// descriptor is the connection as its wire sees it.
type descriptor Conn

// Read implements tlsconn.Descriptor.
func (d *descriptor) Read(p []byte) (int, error) {
	c := (*Conn)(d)
	if c.state != Open {
		return c.source.Read(p)
	}
	if limit := c.protocol.ReadLimit(); limit >= 0 {
		p = p[:min(len(p), limit)]
	}
	n, err := c.source.Read(p)
	// A short read has emptied the socket: what comes later is another event (epoll(7), questions
	// and answers, 9).
	c.input.set(inputDrained, n < len(p) && !c.input.has(inputHungUp))
	if n > 0 {
		c.protocol.Took(n)
	}
	return n, err
}

// Write implements tlsconn.Descriptor.
func (d *descriptor) Write(p []byte) (int, error) { return d.source.Write(p) }
