package http2

import (
	"encoding/binary"
	"time"
)

// Receive takes what the peer has sent, which is only lent. After a share of work it returns the
// rest, for another call once others have had their turn. The error is a *ConnError: the connection
// is over once its output has left. now only grows.
func (c *Conn) Receive(now time.Duration, p []byte) (rest []byte, err error) {
	if c.Failed() {
		return nil, nil
	}
	c.budget.refill(now, c.shared.points)
	c.recv.begin(c.shared)
	rest, err = c.receive(p)
	c.recv.end(c.shared, c.Failed())
	return rest, err
}

func (c *Conn) receive(p []byte) (rest []byte, err error) {
	began := c.shared.work
	for more := true; more && !c.Failed(); {
		if c.shared.workSince(began) >= workShare && len(p) > 0 {
			return p, nil
		}
		if p, more, err = c.step(p); err != nil {
			return nil, err
		}
		if c.send.waiting() > mostBytes {
			return nil, c.fail(EnhanceYourCalm, "too much output that is not taken")
		}
	}
	return nil, nil
}

// IsMidFrame reports whether the preface, a frame or a head has begun and not ended.
func (c *Conn) IsMidFrame() bool {
	in := c.recv.input
	return in != nil && (in.phase != inPreface || len(in.kept) > 0)
}

// step reads one part of a frame, and reports whether there may be another: false when p is used up.
func (c *Conn) step(p []byte) (rest []byte, more bool, err error) {
	in := c.recv.input
	switch in.phase {
	case inPreface:
		return c.readPreface(p)
	case inHeader:
		head, rest, ok := in.take(p, frameHeaderLen)
		if !ok {
			return nil, false, nil
		}
		return rest, true, c.beginFrame(parseFrameHeader(head))
	case inPrefix:
		prefix, rest, ok := in.take(p, in.need)
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

func (c *Conn) readPreface(p []byte) (rest []byte, more bool, err error) {
	in := c.recv.input
	have := len(in.kept)
	n := min(len(p), len(preface)-have)
	if string(p[:n]) != preface[have:have+n] {
		return nil, false, c.fail(ProtocolError, "the client's preface is wrong")
	}
	if have+n < len(preface) {
		in.kept = append(in.kept, p[:n]...)
		return nil, false, nil
	}
	in.kept = nil
	in.phase = inHeader
	return p[n:], len(p) > n, nil
}

// beginFrame judges a frame by its header.
func (c *Conn) beginFrame(h frameHeader) error {
	in := c.recv.input
	in.frame = h
	switch {
	case h.length > maxFrameSize:
		return c.fail(FrameSizeError, "a frame is longer than SETTINGS_MAX_FRAME_SIZE")
	case !c.recv.begun && (h.kind != frameSettings || h.has(flagAck)):
		return c.fail(ProtocolError, "the first frame is not SETTINGS")
	case in.block.isOpen && (h.kind != frameContinuation || h.stream != in.block.stream):
		return c.fail(ProtocolError, "another frame within a head")
	}
	c.recv.begun = true
	in.left, in.pad, in.need = h.length, 0, 0
	if err := c.judge(h); err != nil {
		return err
	}
	if in.need > h.length {
		return c.fail(FrameSizeError, "a frame that is too short for what it must hold")
	}
	in.left = h.length - in.need
	in.phase = inPrefix
	return nil
}

// judge checks what the header alone tells, charges the frame, and sets how much of it is looked at
// as a whole.
func (c *Conn) judge(h frameHeader) error {
	in := c.recv.input
	if fault := h.misplaced(); fault != "" {
		return c.fail(ProtocolError, fault)
	}
	if n, fixed := h.fixedLength(); fixed {
		in.need = n
		if h.length != n && h.kind == framePriority {
			in.need = 0
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
			in.need++
		}
		if h.has(flagPriority) {
			in.need += 5
		}
		return c.beginHeaders(h)
	case frameRSTStream: // charged when it is known for what
		return nil
	case frameSettings:
		return c.beginSettings(h)
	case framePushPromise:
		return c.fail(ProtocolError, "PUSH_PROMISE from a client")
	case frameGoAway:
		in.need = 8
	case frameContinuation:
		if !in.block.isOpen {
			return c.fail(ProtocolError, "CONTINUATION without a head")
		}
		if in.block.continuations++; in.block.continuations > mostContinuations {
			return c.fail(EnhanceYourCalm, "a head in too many frames")
		}
		return c.spend(costFrame + c.headCost(h.length))
	case framePriority, framePing, frameWindowUpdate:
	}
	return c.spend(costFrame) // a type that we do not know is skipped (RFC 9113, section 5.5)
}

// priorityFault resets a stream for a wrong PRIORITY frame. A stream that is idle cannot be reset.
func (c *Conn) priorityFault(id uint32, code ErrCode) error {
	if c.isIdle(id) {
		return c.fail(code, "a wrong PRIORITY for a stream that is idle")
	}
	return c.streamError(id, code)
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
	c.recv.input.need = h.length
	return c.spend(costSettings)
}

// prefix acts on the part of a frame that is looked at as a whole.
func (c *Conn) prefix(p []byte) error {
	h := c.recv.input.frame
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
			c.recv.settingsAcked(c.shared)
			return nil
		}
		return c.settings(p)
	case framePing:
		if !h.has(flagAck) {
			c.send.pong([8]byte(p))
		}
	case frameWindowUpdate:
		return c.windowUpdate(h.stream, binary.BigEndian.Uint32(p)&streamIDMask)
	case frameGoAway, frameContinuation, framePushPromise: // a client that goes away opens no more streams
	}
	return nil
}

// openBody reads the length of the padding, and the priority.
func (c *Conn) openBody(p []byte) error {
	in := c.recv.input
	h := in.frame
	if h.has(flagPadded) {
		in.pad = int(p[0])
		p = p[1:]
		if in.pad > in.left {
			return c.fail(ProtocolError, "a frame with more padding than payload")
		}
		in.left -= in.pad
	}
	if h.kind == frameData {
		return c.checkLength(in.left)
	}
	if h.has(flagPriority) && binary.BigEndian.Uint32(p)&streamIDMask == h.stream {
		in.block.selfish = true
	}
	return nil
}

// body hands on a piece of the payload; last is true with the last one, which may be empty.
func (c *Conn) body(p []byte, last bool) error {
	switch c.recv.input.frame.kind {
	case frameData:
		return c.data(p, last)
	case frameHeaders, frameContinuation:
		return c.fragment(p, last)
	case framePriority, frameRSTStream, frameSettings, framePushPromise, framePing, frameGoAway, frameWindowUpdate:
	}
	return nil
}
