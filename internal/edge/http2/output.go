package http2

const (
	// visitBytes is how much of one stream goes out before the next ready one gets its turn, so
	// that a replay does not hold up its neighbours. No SETTINGS_MAX_FRAME_SIZE may be lower.
	visitBytes = 4 << 10
	// mostBytes is how much control output may wait for a peer that does not read: then the
	// connection ends.
	mostBytes = 64 << 10
)

// sender is the sending half of a connection.
type sender struct {
	out         []byte       // control frames and heads that wait to be sent
	ready       readyStreams // those with payload
	window      int32        // of the connection; may not be negative
	initial     int32        // window of a new stream: the peer's SETTINGS_INITIAL_WINDOW_SIZE
	goneTo      uint32       // last stream in the GOAWAY that was sent
	acks        uint16       // SETTINGS frames of the peer that are not yet acknowledged; see mostBytes
	saidNoTable bool         // a head was sent, the first with noTable
}

// waiting returns how many bytes wait, without those of payload.
func (x *sender) waiting() int { return len(x.out) + int(x.acks)*frameHeaderLen }

// settings sends ours, which come first.
func (x *sender) settings(l Limits) {
	const settings = 4
	x.out = make([]byte, 0, frameHeaderLen+settings*settingLen)
	x.out = appendFrameHeader(x.out, frameHeader{length: settings * settingLen, kind: frameSettings})
	x.out = appendSetting(x.out, settingHeaderTableSize, l.HeaderTable)
	x.out = appendSetting(x.out, settingMaxConcurrentStreams, uint32(l.Streams))
	x.out = appendSetting(x.out, settingMaxHeaderListSize, uint32(l.HeaderBytes))
	x.out = appendSetting(x.out, settingNoRFC7540Priorities, 1)
}

// acknowledge sends the acknowledgements of the peer's settings.
func (x *sender) acknowledge() {
	for ; x.acks > 0; x.acks-- {
		x.out = appendFrameHeader(x.out, frameHeader{kind: frameSettings, flags: flagAck})
	}
}

func (x *sender) goAway(last uint32, code ErrCode, reason string) {
	x.goneTo = last
	x.out = appendGoAway(x.out, last, code, reason)
}

func (x *sender) reset(id uint32, code ErrCode) { x.out = appendRSTStream(x.out, id, code) }

// windowUpdate gives back n bytes of a window; id is 0 for that of the connection.
func (x *sender) windowUpdate(id uint32, n int) {
	if n > 0 {
		x.out = appendWindowUpdate(x.out, id, n)
	}
}

func (x *sender) pong(data [8]byte) { x.out = appendPing(x.out, true, data) }

// head sends the head of an answer.
func (x *sender) head(id uint32, block []byte, end bool) {
	h := frameHeader{length: len(block), kind: frameHeaders, flags: flagEndHeaders, stream: id}
	if !x.saidNoTable {
		h.length++
	}
	if h.length > maxFrameSize {
		panic("http2: internal error: a head of ours over the frame size")
	}
	if end {
		h.flags |= flagEndStream
	}
	x.out = appendFrameHeader(x.out, h)
	if !x.saidNoTable {
		x.saidNoTable = true
		x.out = append(x.out, noTable)
	}
	x.out = append(x.out, block...)
}

// appendControl appends at most limit bytes of what waits without being payload, and reports whether
// that was all.
func (x *sender) appendControl(dst []byte, limit int) (out []byte, all bool) {
	x.acknowledge()
	n := min(len(x.out), limit)
	dst = append(dst, x.out[:n]...)
	if x.out = x.out[n:]; len(x.out) > 0 {
		return dst, false
	}
	x.out = nil
	return dst, true
}

// Respond sends the head of an answer; end is true if no payload follows.
func (c *Conn) Respond(s *Stream, status int, fields []Field, end bool) {
	if !s.IsOpen() {
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

// MayHaveOutput reports whether AppendFrames is worth a call. It decides.
func (c *Conn) MayHaveOutput() bool { return c.send.waiting() > 0 || c.send.ready.n > 0 }

// AppendFrames appends what is to be sent to dst, at most limit bytes: control frames and heads
// first, then a DATA frame for each ready stream in turn. If it appends nothing, nothing can be
// sent now.
func (c *Conn) AppendFrames(dst []byte, limit int) []byte {
	start := len(dst)
	dst, all := c.send.appendControl(dst, limit)
	if !all {
		return dst
	}
	for visits := c.send.ready.n; visits > 0; visits-- {
		s := c.send.ready.first()
		room := limit - (len(dst) - start) - frameHeaderLen
		if s == nil || room < 1 {
			break
		}
		dst = c.appendData(dst, s, room)
	}
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
