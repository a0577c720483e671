package http2

// beginData judges a DATA frame by its header, and counts it against the windows: all of it,
// padding included (RFC 9113, section 6.9.1).
func (c *Conn) beginData(h frameHeader) error {
	if h.has(flagPadded) {
		c.recv.input.need = 1
	}
	if c.isIdle(h.stream) {
		return c.fail(ProtocolError, "DATA on a stream that is idle")
	}
	if !c.recv.window.take(h.length) {
		return c.fail(FlowControlError, "DATA beyond the connection's window")
	}
	s := c.streams.find(h.stream)
	if s == nil && c.resets.has(h.stream) {
		return nil // it was on its way
	}
	if s == nil || s.state != streamOpen {
		return c.streamError(h.stream, StreamClosed)
	}
	if !s.body.window.take(h.length) {
		return c.streamError(h.stream, FlowControlError)
	}
	return nil
}

// checkLength resets a stream whose body is longer or shorter than its request stated (RFC 9113,
// section 8.1.1). The DATA frame under way has n bytes of it, so that the verdict does not depend
// on the pieces they come in.
func (c *Conn) checkLength(n int) error {
	h := c.recv.input.frame
	s := c.streams.find(h.stream)
	if s == nil || s.state != streamOpen || s.body.left < 0 {
		return nil
	}
	if over := s.body.left - int64(n); over < 0 || over > 0 && h.has(flagEndStream) {
		return c.streamError(h.stream, ProtocolError)
	}
	return nil
}

// data takes a piece of a DATA frame's payload; last is true with the last one, which may be empty.
func (c *Conn) data(p []byte, last bool) error {
	h := c.recv.input.frame
	padding := 0
	if last {
		padding = h.length - c.recv.input.payload()
	}
	// The connection's window opens at once: a stream whose owner does not take its body would keep
	// the others of the connection from theirs. It stops after a window of its own.
	c.giveBack(len(p) + padding)
	s := c.streams.find(h.stream)
	if s == nil || s.state != streamOpen {
		return nil // the stream was refused above, or reset within this frame
	}
	c.Consumed(s, padding)
	if s.body.left >= 0 {
		s.body.left -= int64(len(p))
	}
	end := last && h.has(flagEndStream)
	wanted := !s.ended && c.handler.AcceptsBody(s)
	if end {
		c.peerEnded(s)
	}
	if !wanted {
		// A client that uploads where nobody listens stops after one window of its stream, and its
		// budget is not used up.
		return nil
	}
	if last && h.length > 0 {
		c.earn(costFrame + h.length/bytesPerPoint) // its owner asked for it; windows bound it
	}
	if len(p) > 0 || end {
		s.owner.Data(p, end)
	}
	return nil
}
