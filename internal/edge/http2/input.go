package http2

import (
	"encoding/binary"
	"time"
)

// Receive takes what the peer has sent, which is only lent. After a share of work it returns the
// rest, for another call once others have had their turn. The error is a *ConnError: the connection
// is over once its output has left. now only grows.
func (c *Conn) Receive(now time.Duration, p []byte) (rest []byte, err error) {
	c.budget.refill(now)
	enough := c.budget.work + workShare
	for more := true; more && !c.failed; {
		if c.budget.work >= enough && len(p) > 0 {
			return p, nil
		}
		if p, more, err = c.step(p); err != nil {
			return nil, err
		}
		if len(c.out) > mostBytes {
			return nil, c.fail(EnhanceYourCalm, "too much output that is not taken")
		}
	}
	return nil, nil
}

// Work returns how much work the peer has made so far, in microseconds or so.
func (c *Conn) Work() uint64 { return c.budget.work }

// IsMidFrame reports whether the preface, a frame or a head has begun and not ended.
func (c *Conn) IsMidFrame() bool {
	return len(c.in.kept) > 0 || c.in.phase != inHeader && c.in.phase != inPreface || c.block != nil
}

// step reads one part of a frame, and reports whether there may be another: false when p is used up.
func (c *Conn) step(p []byte) (rest []byte, more bool, err error) {
	in := &c.in
	switch in.phase {
	case inPreface:
		return c.readPreface(p)
	case inHeader:
		head, rest, ok := c.take(p, frameHeaderLen)
		if !ok {
			return nil, false, nil
		}
		return rest, true, c.beginFrame(parseFrameHeader(head))
	case inPrefix:
		prefix, rest, ok := c.take(p, in.need)
		if !ok {
			return nil, false, nil
		}
		in.phase = inBody
		return rest, true, c.prefix(prefix)
	case inBody:
		n := min(len(p), in.left)
		if n == 0 && in.left > 0 {
			return nil, false, nil
		}
		in.left -= n
		if in.left == 0 {
			in.phase = inPadding
		}
		return p[n:], true, c.body(p[:n], in.left == 0)
	case inPadding:
		n := min(len(p), in.pad)
		in.pad -= n
		if in.pad > 0 {
			return nil, false, nil
		}
		in.phase = inHeader
		return p[n:], len(p) > n, nil
	}
	panic("http2: internal error: unknown phase")
}

// take returns n bytes once they have come, and what of p is left; until then it keeps p.
func (c *Conn) take(p []byte, n int) (whole, rest []byte, ok bool) {
	if len(c.in.kept) == 0 && len(p) >= n {
		return p[:n:n], p[n:], true
	}
	more := min(len(p), n-len(c.in.kept))
	c.in.kept = append(c.in.kept, p[:more]...)
	if len(c.in.kept) < n {
		return nil, nil, false
	}
	whole = c.in.kept
	c.in.kept = nil
	return whole, p[more:], true
}

func (c *Conn) readPreface(p []byte) (rest []byte, more bool, err error) {
	have := len(c.in.kept)
	n := min(len(p), len(preface)-have)
	if string(p[:n]) != preface[have:have+n] {
		return nil, false, c.fail(ProtocolError, "the client's preface is wrong")
	}
	if have+n < len(preface) {
		c.in.kept = append(c.in.kept, p[:n]...)
		return nil, false, nil
	}
	c.in.kept = nil
	c.in.phase = inHeader
	return p[n:], len(p) > n, nil
}

// beginFrame judges a frame by its header.
func (c *Conn) beginFrame(h frameHeader) error {
	c.in.frame = h
	switch {
	case h.length > maxFrameSize:
		return c.fail(FrameSizeError, "a frame is longer than SETTINGS_MAX_FRAME_SIZE")
	case !c.in.begun && (h.kind != frameSettings || h.has(flagAck)):
		return c.fail(ProtocolError, "the first frame is not SETTINGS")
	case c.block != nil && (h.kind != frameContinuation || h.stream != c.block.stream):
		return c.fail(ProtocolError, "another frame within a head")
	}
	c.in.begun = true
	c.in.left, c.in.pad, c.in.need = h.length, 0, 0
	if err := c.judge(h); err != nil {
		return err
	}
	if c.in.need > h.length {
		return c.fail(FrameSizeError, "a frame that is too short for what it must hold")
	}
	c.in.left = h.length - c.in.need
	c.in.phase = inPrefix
	return nil
}

// judge checks what the header alone tells, charges the frame, and sets how much of it is looked at
// as a whole.
func (c *Conn) judge(h frameHeader) error {
	if err := c.checkPlace(h); err != nil {
		return err
	}
	if n, fixed := fixedLength(h); fixed {
		c.in.need = n
		if h.length != n && h.kind == framePriority {
			c.in.need = 0
			return c.priorityFault(h.stream, FrameSizeError) // and the payload is skipped
		}
		if h.length != n {
			return c.fail(FrameSizeError, "a frame of the wrong length")
		}
	}
	switch h.kind {
	case frameData:
		if err := c.spend(costFrame + h.length/bytesPerPoint); err != nil {
			return err
		}
		return c.beginData(h)
	case frameHeaders:
		if h.has(flagPadded) {
			c.in.need++
		}
		if h.has(flagPriority) {
			c.in.need += 5
		}
		return c.beginHeaders(h)
	case frameRSTStream: // charged when it is known for what
		return nil
	case frameSettings:
		return c.beginSettings(h)
	case framePushPromise:
		return c.fail(ProtocolError, "PUSH_PROMISE from a client")
	case frameGoAway:
		c.in.need = 8
	case frameContinuation:
		if c.block == nil {
			return c.fail(ProtocolError, "CONTINUATION without a head")
		}
		if c.block.continuations++; c.block.continuations > mostContinuations {
			return c.fail(EnhanceYourCalm, "a head in too many frames")
		}
		return c.spend(costFrame + h.length/bytesPerPoint)
	case framePriority, framePing, frameWindowUpdate:
	}
	return c.spend(costFrame) // a type that we do not know is skipped (RFC 9113, section 5.5)
}

// priorityFault resets a stream for a wrong PRIORITY frame. A stream that is idle cannot be reset.
func (c *Conn) priorityFault(id uint32, code ErrCode) error {
	if id > c.lastStream {
		return c.fail(code, "a wrong PRIORITY for a stream that is idle")
	}
	return c.streamError(id, code)
}

// checkPlace checks that a frame stands on a stream, or on the connection, as its type wants it.
func (c *Conn) checkPlace(h frameHeader) error {
	switch h.kind {
	case frameData, frameHeaders, framePriority, frameRSTStream, frameContinuation:
		if h.stream == 0 {
			return c.fail(ProtocolError, "a frame of a stream on stream 0")
		}
	case frameSettings, framePing, frameGoAway:
		if h.stream != 0 {
			return c.fail(ProtocolError, "a frame of the connection on a stream")
		}
	case framePushPromise, frameWindowUpdate:
	}
	return nil
}

// fixedLength returns the length that the type of a frame prescribes, if it does.
func fixedLength(h frameHeader) (n int, fixed bool) {
	switch h.kind {
	case framePriority:
		return 5, true
	case frameRSTStream, frameWindowUpdate:
		return 4, true
	case framePing:
		return 8, true
	case frameSettings:
		return 0, h.has(flagAck)
	case frameData, frameHeaders, framePushPromise, frameGoAway, frameContinuation:
	}
	return 0, false
}

func (c *Conn) beginSettings(h frameHeader) error {
	if h.has(flagAck) {
		return c.spend(costFrame)
	}
	if h.length%settingLen != 0 {
		return c.fail(FrameSizeError, "SETTINGS of a length that is no multiple of 6")
	}
	if h.length > mostSettings*settingLen {
		return c.fail(EnhanceYourCalm, "SETTINGS with too many entries")
	}
	c.in.need = h.length
	return c.spend(costSettings)
}

// prefix acts on the part of a frame that is looked at as a whole.
func (c *Conn) prefix(p []byte) error {
	h := c.in.frame
	switch h.kind {
	case frameData, frameHeaders:
		return c.openBody(p)
	case framePriority:
		if len(p) == 5 && binary.BigEndian.Uint32(p)&streamIDMask == h.stream {
			return c.priorityFault(h.stream, ProtocolError)
		}
	case frameRSTStream:
		return c.reset(h.stream, ErrCode(binary.BigEndian.Uint32(p)))
	case frameSettings:
		if h.has(flagAck) {
			c.settingsAcked()
			return nil
		}
		return c.settings(p)
	case framePing:
		if !h.has(flagAck) {
			c.out = appendPing(c.out, true, [8]byte(p))
		}
	case frameWindowUpdate:
		return c.windowUpdate(h.stream, binary.BigEndian.Uint32(p)&streamIDMask)
	case frameGoAway, frameContinuation, framePushPromise: // a client that goes away opens no more streams
	}
	return nil
}

// openBody reads the length of the padding, and the priority.
func (c *Conn) openBody(p []byte) error {
	h := c.in.frame
	if h.has(flagPadded) {
		c.in.pad = int(p[0])
		p = p[1:]
		if c.in.pad > c.in.left {
			return c.fail(ProtocolError, "a frame with more padding than payload")
		}
		c.in.left -= c.in.pad
	}
	if h.kind == frameData {
		return c.checkLength(c.in.left)
	}
	if h.has(flagPriority) && binary.BigEndian.Uint32(p)&streamIDMask == h.stream {
		c.block.selfish = true
	}
	return nil
}

// body hands on a piece of the payload; last is true with the last one, which may be empty.
func (c *Conn) body(p []byte, last bool) error {
	switch c.in.frame.kind {
	case frameData:
		return c.data(p, last)
	case frameHeaders, frameContinuation:
		return c.fragment(p, last)
	case framePriority, frameRSTStream, frameSettings, framePushPromise, framePing, frameGoAway, frameWindowUpdate:
	}
	return nil
}
