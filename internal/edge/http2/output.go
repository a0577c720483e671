package http2

const (
	// visitBytes is how much of one stream goes out before the next ready one gets its turn, so that a replay does not
	// hold up its neighbours.
	visitBytes = 4 << 10
	// mostBytes is how much control output may wait for a peer that does not read: then the connection ends.
	mostBytes = 64 << 10
)

// Respond sends the head of an answer; end is true if no payload follows.
func (c *Conn) Respond(s *Stream, status int, fields []Field, end bool) {
	if !s.IsOpen() {
		return
	}
	if s.headSent {
		panic("http2: internal error: a second head")
	}
	s.headSent = true
	block := c.codec.encode(status, fields)
	h := frameHeader{length: len(block), kind: frameHeaders, flags: flagEndHeaders, stream: s.id}
	if len(block) > maxFrameSize {
		panic("http2: internal error: a head of ours over the frame size")
	}
	if end {
		h.flags |= flagEndStream
	}
	c.out = append(appendFrameHeader(c.out, h), block...)
	if end {
		c.endSent(s)
	}
}

// HaveData states that the stream's owner has payload. It may be said again at any time.
func (c *Conn) HaveData(s *Stream) {
	if !s.IsOpen() || s.ended || s.isReady {
		return
	}
	if s.sendWindow <= 0 && !s.ending {
		s.stalled = true
		return
	}
	c.makeReady(s)
}

// End states that the answer ends with what the owner's Payload still has.
func (c *Conn) End(s *Stream) {
	if !s.IsOpen() || s.ending {
		return
	}
	s.ending = true
	c.unready(s)
	c.makeReady(s)
}

func (c *Conn) makeReady(s *Stream) {
	if s.isReady {
		return
	}
	s.stalled = false
	s.isReady = true
	c.ready.Push(&s.place, s)
}

func (c *Conn) unready(s *Stream) {
	s.stalled = false
	if s.isReady {
		s.isReady = false
		c.ready.Remove(&s.place)
	}
}

// IsShut reports whether no byte of any stream could be sent, whatever the socket takes.
func (c *Conn) IsShut() bool { return c.sendWindow <= 0 }

// IsShutFor reports whether a stream's own window is empty. Owner.Window is called when it opens.
func (c *Conn) IsShutFor(s *Stream) bool { return s.sendWindow <= 0 }

// MayHaveOutput reports whether AppendFrames is worth a call. It decides.
func (c *Conn) MayHaveOutput() bool { return len(c.out) > 0 || c.acks > 0 || c.ready.Len() > 0 }

// AppendFrames appends what is to be sent to dst, at most limit bytes: control frames and heads first, then a DATA frame
// for each ready stream in turn. If it appends nothing, nothing can be sent now.
func (c *Conn) AppendFrames(dst []byte, limit int) []byte {
	start := len(dst)
	for ; c.acks > 0; c.acks-- {
		c.out = appendFrameHeader(c.out, frameHeader{kind: frameSettings, flags: flagAck})
	}
	if len(c.out) > 0 {
		n := min(len(c.out), limit)
		dst = append(dst, c.out[:n]...)
		c.out = c.out[n:]
		if len(c.out) > 0 {
			return dst
		}
		c.out = nil
	}
	for visits := c.ready.Len(); visits > 0 && c.ready.First() != nil; visits-- {
		room := limit - (len(dst) - start) - frameHeaderLen
		if room < 1 {
			break
		}
		dst = c.appendData(dst, c.ready.First(), room)
	}
	return dst
}

// appendData appends a DATA frame of at most room bytes, if the windows allow one, and moves the stream to where it
// belongs then.
func (c *Conn) appendData(dst []byte, s *Stream, room int) []byte {
	c.unready(s)
	n := min(room, visitBytes, int(c.peerFrameSize), int(s.sendWindow), int(c.sendWindow))
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
		c.sendWindow -= int32(length)
		if !end { // the ends of answers come as often as requests, which would pay for themselves
			c.budget.add(pointsPerSentData)
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
		c.makeReady(s)
	}
	return dst
}

// endSent acts on the END_STREAM that was just written. A stream whose request is not complete waits for the rest.
func (c *Conn) endSent(s *Stream) {
	if s.state == streamOpen {
		s.ended = true
	} else {
		c.remove(s)
	}
	s.owner.Done()
}

// peerEnded acts on the client's END_STREAM.
func (c *Conn) peerEnded(s *Stream) {
	s.setState(streamHalfClosed)
	if s.ended {
		c.remove(s)
	}
}

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
