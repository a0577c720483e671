package http2

const (
	// visitBytes is how much of one stream goes out before the next ready one gets its turn, so
	// that a replay does not hold up its neighbours.
	visitBytes = 4 << 10
	// mostBytes is how much control output may wait for a peer that does not read: then the
	// connection ends.
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
	if !c.saidNoTable {
		h.length++
	}
	if h.length > maxFrameSize {
		panic("http2: internal error: a head of ours over the frame size")
	}
	if end {
		h.flags |= flagEndStream
	}
	c.out = appendFrameHeader(c.out, h)
	if !c.saidNoTable {
		c.saidNoTable = true
		c.out = append(c.out, noTable)
	}
	c.out = append(c.out, block...)
	if end {
		c.endSent(s)
	}
}

// MayHaveOutput reports whether AppendFrames is worth a call. It decides.
func (c *Conn) MayHaveOutput() bool { return len(c.out) > 0 || c.acks > 0 || c.ready.Len() > 0 }

// AppendFrames appends what is to be sent to dst, at most limit bytes: control frames and heads
// first, then a DATA frame for each ready stream in turn. If it appends nothing, nothing can be
// sent now.
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

// appendData appends a DATA frame of at most room bytes, if the windows allow one, and moves the
// stream to where it belongs then.
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
