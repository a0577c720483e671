package http2

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

func (x *sender) makeReady(s *Stream) {
	s.stalled = false
	if !s.isReady() {
		x.ready.push(s)
	}
}

func (x *sender) unready(s *Stream) {
	s.stalled = false
	if s.isReady() {
		x.ready.remove(s)
	}
}
