package http2

// IsShut reports whether no byte of any stream could be sent, whatever the socket takes.
func (c *Conn) IsShut() bool { return c.sendWindow <= 0 }

// IsShutFor reports whether a stream's own window is empty. Owner.Window is called when it opens.
func (c *Conn) IsShutFor(s *Stream) bool { return s.sendWindow <= 0 }

// Consumed gives n bytes of a body back to the peer's windows.
func (c *Conn) Consumed(s *Stream, n int) {
	if n <= 0 || c.failed {
		return
	}
	c.giveBack(n)
	if s == nil || s.state != streamOpen {
		return
	}
	if s.unread += int32(n); s.unread >= initialWindow/2 {
		c.out = appendWindowUpdate(c.out, s.id, int(s.unread))
		s.recvWindow += s.unread
		s.unread = 0
	}
}

func (c *Conn) giveBack(n int) {
	if c.unread += int32(n); c.unread >= initialWindow/2 {
		c.out = appendWindowUpdate(c.out, 0, int(c.unread))
		c.recvWindow += c.unread
		c.unread = 0
	}
}
