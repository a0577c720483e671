package http2

// mostContinuations is how many CONTINUATION frames one head may have. A head within the limit
// needs one or two.
const mostContinuations = 8

// beginHeaders judges a HEADERS frame by its header.
func (c *Conn) beginHeaders(h frameHeader) error {
	b := block{isOpen: true, stream: h.stream, end: h.has(flagEndStream)}
	cost := costRequest + c.headCost(h.length)
	if !h.has(flagEndHeaders) {
		cost += costOpenHead
	}
	if err := c.spend(cost); err != nil {
		return err
	}
	s := c.streams.find(h.stream)
	switch {
	case h.stream%2 == 0:
		return c.fail(ProtocolError, "a client's stream has an even number")
	case s != nil && s.state == streamOpen && b.end:
		b.purpose = forTrailers
	case s != nil && s.state == streamOpen:
		return c.fail(ProtocolError, "trailers that do not end their stream")
	case s != nil:
		// Half closed: the stream is reset, and the block still has to be decoded.
		if err := c.streamError(h.stream, StreamClosed); err != nil {
			return err
		}
		b.purpose = forNothing
	case h.stream <= c.lastStream && c.resets.has(h.stream):
		b.purpose = forNothing
	case h.stream <= c.lastStream: // used before, or passed over (RFC 9113, section 5.1.1)
		return c.fail(ProtocolError, "HEADERS on a stream with a number that went by")
	case c.IsGoingAway() || len(c.streams) >= c.shared.limits.Streams:
		c.lastStream = h.stream
		b.purpose = forRefusal
	default:
		c.lastStream = h.stream
	}
	c.recv.input.block = b
	return nil
}

// fragment takes a piece of a head. p is only lent: a head that comes in one piece is decoded where
// it is.
func (c *Conn) fragment(p []byte, last bool) error {
	b := &c.recv.input.block
	complete := last && c.recv.input.frame.has(flagEndHeaders)
	if complete && b.kept == nil && !b.tooLarge {
		return c.headComplete(p)
	}
	switch {
	case b.tooLarge:
		if err := c.discard(p); err != nil {
			return err
		}
	case len(b.kept)+len(p) > c.shared.limits.HeaderBytes:
		b.tooLarge = true
		kept := b.kept
		b.kept = nil
		if err := c.discard(kept); err != nil {
			return err
		}
		if err := c.discard(p); err != nil {
			return err
		}
	default:
		b.kept = append(b.kept, p...)
	}
	if complete {
		kept := b.kept
		b.kept = nil
		return c.headComplete(kept)
	}
	return nil
}

// headCost returns what the next n bytes of a head cost for their length.
func (c *Conn) headCost(n int) int {
	b := &c.recv.input.block
	if b.tooLarge || len(b.kept)+n > c.shared.limits.HeaderBytes {
		return n / excessPerPoint
	}
	return n / bytesPerPoint
}

// discard reads a piece of a head over the limit for the sake of the table alone. Its length is
// bounded by mostContinuations. The decoder collects a string that comes in pieces, and keeps the room
// for it as long as it lives: a string over mostString ends the connection.
func (c *Conn) discard(p []byte) error {
	d := c.recv.table(c.shared)
	if d == nil {
		return nil
	}
	c.shared.work += uint64(len(p) / headPerWork)
	d.SetEmitEnabled(false)
	d.SetMaxStringLength(c.shared.limits.mostString())
	if _, err := d.Write(p); err != nil {
		return c.fail(CompressionError, "a head that cannot be decoded")
	}
	return nil
}

// headComplete acts on a complete block, of which p is all, unless it was too large.
func (c *Conn) headComplete(p []byte) error {
	b := c.recv.input.block
	c.recv.input.block = block{}
	c.shared.work += uint64(workRequest + len(p)/headPerWork)
	r := &c.shared.codec.reader
	r.begin(c.shared.limits.HeaderBytes, b.purpose == forTrailers)
	if err := c.decode(&b, p, r); err != nil {
		return err
	}
	switch b.purpose {
	case forNothing:
		return nil
	case forRefusal:
		c.handler.Refused(RefusedStream)
		return c.streamError(b.stream, RefusedStream)
	case forTrailers:
		return c.endTrailers(b.stream, r)
	case forRequest:
	}
	if b.selfish {
		c.handler.Refused(ProtocolError)
		return c.streamError(b.stream, ProtocolError)
	}
	if b.tooLarge || r.tooLarge {
		s := c.open(b.stream, b.end, -1)
		c.handler.TooLarge(s)
		return c.spend(costTooLarge)
	}
	head, malformed := r.finish()
	if malformed != "" || b.end && head.ContentLength > 0 {
		c.handler.Refused(ProtocolError)
		return c.streamError(b.stream, ProtocolError)
	}
	s := c.open(b.stream, b.end, head.ContentLength)
	c.handler.Request(s, head, b.end)
	return nil
}

// decode reads the block.
func (c *Conn) decode(b *block, p []byte, r *headReader) error {
	d := c.recv.table(c.shared)
	own := d != nil
	if !own {
		d = c.shared.codec.decoder
	}
	if b.tooLarge && !own {
		return nil
	}
	r.decoder = d
	d.SetMaxStringLength(0) // all of it is here
	d.SetEmitFunc(r.take)
	d.SetEmitEnabled(!b.tooLarge)
	_, err := d.Write(p)
	if err == nil {
		err = d.Close()
	}
	d.SetEmitEnabled(true)
	if err == nil {
		return nil
	}
	if !own {
		c.shared.codec.decoder = newDecoder(0) // what is left in the old one is not the next block's
	}
	return c.fail(CompressionError, "a head that cannot be decoded")
}

// endTrailers ends a request's body.
func (c *Conn) endTrailers(id uint32, r *headReader) error {
	s := c.streams.find(id)
	if s == nil {
		return nil
	}
	if _, malformed := r.finish(); malformed != "" || s.body.left > 0 {
		return c.streamError(id, ProtocolError)
	}
	wanted := !s.ended && c.handler.AcceptsBody(s)
	c.peerEnded(s)
	if wanted {
		s.owner.Data(nil, true)
	}
	return nil
}
