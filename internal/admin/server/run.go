package server

import (
	"log/slog"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// run implements occupant: it serves the connection until its end.
func (c *conn) run() {
	c.log = c.shared.log.With(append([]any{"door", string(c.seat.endpoint), "control", c.seat.number}, peerAttrs(c.out)...)...)
	c.log.Debug("control connection opened")
	if c.seat.endpoint != access.TLS || c.identify() {
		c.serve()
		if c.roster.isEvicted(c.seat) {
			c.refusals.refuseConnection(c.log, api.RefusedConnections, slog.String("err", errEvicted.Error()))
		}
	}
	c.roster.remove(c.seat)
	c.log.Debug("control connection closed")
}

// serve reads until the end of the connection. All that was sent is run, even if the peer is gone.
func (c *conn) serve() {
	written := make(chan struct{})
	if c.out == nil {
		close(written)
		c.speaker = newClassic(c)
	} else {
		go func() {
			defer close(written)
			c.write()
		}()
	}
	c.read()
	c.line.resize(0)
	if c.queue != nil {
		c.queue.finish()
	}
	<-written
	if c.isFinished() {
		linger(c.out)
	}
	c.input.src.Close()
}
