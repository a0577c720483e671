package http2

const (
	// visitBytes is how much of one stream goes out before the next ready one gets its turn, so
	// that a replay does not hold up its neighbours. No SETTINGS_MAX_FRAME_SIZE may be lower.
	visitBytes = 4 << 10
	// mostBytes is how much control output may wait for a peer that does not read: then the
	// connection ends.
	mostBytes = 64 << 10
)

// Respond sends the head of an answer; end is true if no payload follows.
func (c *Conn) Respond(s *Stream, status int, fields []Field, end bool) {
	if !s.IsOpen() || c.Failed() {
		return
	}
	if s.headSent {
		panic("http2: internal error: a second head")
	}
	s.headSent = true
	c.send.head(s.id, c.shared.codec.encode(status, fields), end)
	if end {
		c.endSent(s)
	}
}

// Ready calls yield with the streams that have something to send and a window for it, in the order
// of their turns.
func (c *Conn) Ready(yield func(*Stream) bool) {
	s := c.send.ready.first()
	for n := c.send.ready.n; n > 0 && yield(s); n-- {
		s = s.next
	}
}

// MayHaveOutput reports whether AppendFrames is worth a call. It decides.
func (c *Conn) MayHaveOutput() bool { return c.send.waiting() > 0 || c.send.ready.n > 0 }

// AppendFrames appends what is to be sent to dst, at most limit bytes: control frames and heads
// first, then a DATA frame for each ready stream in turn. If it appends nothing, nothing can be
// sent now. That it looks at streams for which the connection's window has no room counts as work of
// the peer: it could have thousands looked at for every byte.
func (c *Conn) AppendFrames(dst []byte, limit int) []byte {
	start := len(dst)
	dst, all := c.send.appendControl(dst, limit)
	if !all || c.Failed() {
		return dst
	}
	silent := 0
	for visits := c.send.ready.n; visits > 0; visits-- {
		s := c.send.ready.first()
		before := len(dst)
		room := limit - (before - start) - frameHeaderLen
		if s == nil || room < 1 {
			break
		}
		if dst = c.appendData(dst, s, room); len(dst) == before {
			silent++
		}
	}
	c.shared.work += uint64(silent / windowsPerWork)
	return dst
}

// appendData appends a DATA frame of at most room bytes, if the windows allow one, and moves the
// stream to where it belongs then.
func (c *Conn) appendData(dst []byte, s *Stream, room int) []byte {
	c.send.unready(s)
	n := min(room, visitBytes, int(s.sendWindow), int(c.send.window))
	head := len(dst)
	more := true
	if n > 0 {
		dst = appendFrameHeader(dst, frameHeader{})
		dst, more = s.owner.Payload(dst, n)
		if !s.IsOpen() {
			return dst[:head] // its owner gave it up
		}
	} else if s.ending {
		dst, more = s.owner.Payload(appendFrameHeader(dst, frameHeader{}), 0)
	}
	length := len(dst) - head - frameHeaderLen
	end := s.ending && !more
	switch {
	case length > 0 || end:
		h := frameHeader{length: length, kind: frameData, stream: s.id}
		if end {
			h.flags = flagEndStream
		}
		appendFrameHeader(dst[:head], h)
		s.sendWindow -= int32(length)
		c.send.window -= int32(length)
		if !end { // the ends of answers come as often as requests, which would pay for themselves
			c.earn(pointsPerSentData)
		}
	case len(dst) > head:
		dst = dst[:head] // only room for a frame header was taken
	}
	switch {
	case end:
		c.endSent(s)
	case !more:
	case s.sendWindow <= 0:
		s.stalled = true
	default:
		c.send.makeReady(s)
	}
	return dst
}

// HaveData states that the stream's owner has payload. It may be said again at any time.
func (c *Conn) HaveData(s *Stream) {
	if !s.IsOpen() || s.ended || s.isReady() {
		return
	}
	if s.sendWindow <= 0 && !s.ending {
		s.stalled = true
		return
	}
	c.send.makeReady(s)
}

// End states that the answer ends with what the owner's Payload still has.
func (c *Conn) End(s *Stream) {
	if !s.IsOpen() || s.ending {
		return
	}
	s.ending = true
	c.send.unready(s)
	c.send.makeReady(s)
}
