package http2

// IsShut reports whether no byte of any stream could be sent, whatever the socket takes.
func (c *Conn) IsShut() bool { return c.send.window <= 0 || c.Failed() }

// IsShutFor reports whether a stream's own window is empty. Owner.Window is called when it opens.
func (c *Conn) IsShutFor(s *Stream) bool { return s.sendWindow <= 0 }

// Consumed gives n bytes of a body back to the window of its stream. That of the connection has them
// already.
func (c *Conn) Consumed(s *Stream, n int) {
	if n > 0 && !c.Failed() && s.state == streamOpen {
		c.send.windowUpdate(s.id, s.body.window.consumed(n))
	}
}

func (c *Conn) giveBack(n int) { c.send.windowUpdate(0, c.recv.window.consumed(n)) }

// windowSetting is what a SETTINGS frame makes of the streams' windows. It may set them a hundred
// times, of which only the last one is done.
type windowSetting struct {
	c        *Conn
	from, to int32
	highest  int32 // of all streams' windows, as they are; 0: not looked for
}

func newWindowSetting(c *Conn) windowSetting {
	return windowSetting{c: c, from: c.send.initial, to: c.send.initial}
}

// set reports whether no window overflows by it. Only one that grows can.
func (s *windowSetting) set(to int32) (ok bool) {
	s.to = to
	if to <= s.from {
		return true
	}
	if s.highest == 0 {
		s.highest = s.c.highestWindow()
	}
	return int64(s.highest)+int64(to)-int64(s.from) <= largestWindow
}

// highestWindow returns the largest window of all streams, but at least that of a new one.
func (c *Conn) highestWindow() int32 {
	c.shared.work += uint64(len(c.streams) / windowsPerWork)
	highest := max(1, c.send.initial)
	for _, s := range c.streams {
		highest = max(highest, s.sendWindow)
	}
	return highest
}

// moveWindows moves all streams' windows by what the initial one has changed; they may become
// negative (RFC 9113, section 6.9.2).
func (c *Conn) moveWindows(to int32) {
	delta := to - c.send.initial
	if delta == 0 {
		return
	}
	c.shared.work += uint64(len(c.streams) / windowsPerWork)
	c.send.initial = to
	for _, s := range c.streams.clone() {
		if s.IsOpen() {
			c.moveWindow(s, delta)
		}
	}
}

func (c *Conn) moveWindow(s *Stream, by int32) {
	wasShut := s.sendWindow <= 0
	s.sendWindow += by
	if wasShut && s.sendWindow > 0 {
		if s.stalled {
			c.send.makeReady(s)
		}
		s.owner.Window()
	}
}

// windowUpdate takes a WINDOW_UPDATE (RFC 9113, section 6.9).
func (c *Conn) windowUpdate(id, increment uint32) error {
	switch {
	case id == 0 && increment == 0:
		return c.fail(ProtocolError, "WINDOW_UPDATE of 0")
	case id == 0:
		if int64(c.send.window)+int64(increment) > largestWindow {
			return c.fail(FlowControlError, "WINDOW_UPDATE overflows the connection's window")
		}
		c.send.window += int32(increment)
		return nil
	case c.isIdle(id):
		return c.fail(ProtocolError, "WINDOW_UPDATE for a stream that is idle")
	case increment == 0:
		return c.streamError(id, ProtocolError)
	}
	s := c.streams.find(id)
	if s == nil {
		return nil // closed: it may have been on its way
	}
	if int64(s.sendWindow)+int64(increment) > largestWindow {
		return c.streamError(id, FlowControlError)
	}
	c.moveWindow(s, int32(increment))
	return nil
}
