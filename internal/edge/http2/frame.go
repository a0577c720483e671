package http2

import "encoding/binary"

// frameType is the type of a frame (RFC 9113, section 6).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

// The flags of frames. Their meaning depends on the type.
const (
	flagEndStream  = 0x01 // DATA, HEADERS
	flagAck        = 0x01 // SETTINGS, PING
	flagEndHeaders = 0x04 // HEADERS, CONTINUATION
	flagPadded     = 0x08 // DATA, HEADERS
	flagPriority   = 0x20 // HEADERS
)

// The settings (RFC 9113, section 6.5.2; RFC 9218, section 2.1).
const (
	settingHeaderTableSize      = 0x1
	settingEnablePush           = 0x2
	settingMaxConcurrentStreams = 0x3
	settingInitialWindowSize    = 0x4
	settingMaxFrameSize         = 0x5
	settingMaxHeaderListSize    = 0x6
	settingNoRFC7540Priorities  = 0x9
	settingLen                  = 6
	mostSettings                = 100 // in one frame; ten are known
)

// Sizes of frames and windows.
const (
	frameHeaderLen     = 9
	maxFrameSize       = 16384 // what we accept: the least that the RFC allows
	largestFrameSize   = 1<<24 - 1
	initialWindow      = 65535
	largestWindow      = 1<<31 - 1
	streamIDMask       = 1<<31 - 1
	defaultHeaderTable = 4096
)

// preface is what a client sends before its first frame (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Preface is what the first bytes of a connection must be for it to be HTTP/2 with prior knowledge.
const Preface = preface

// frameHeader is the first nine bytes of a frame.
type frameHeader struct {
	length int
	kind   frameType
	flags  uint8
	stream uint32
}

func (h frameHeader) has(flag uint8) bool { return h.flags&flag != 0 }

// parseFrameHeader reads the first nine bytes of b.
func parseFrameHeader(b []byte) frameHeader {
	return frameHeader{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & streamIDMask,
	}
}

// misplaced returns what is wrong with a frame that does not stand on a stream, or on the connection,
// as its type wants it; otherwise an empty string.
func (h frameHeader) misplaced() string {
	switch h.kind {
	case frameData, frameHeaders, framePriority, frameRSTStream, frameContinuation:
		if h.stream == 0 {
			return "a frame of a stream on stream 0"
		}
	case frameSettings, framePing, frameGoAway:
		if h.stream != 0 {
			return "a frame of the connection on a stream"
		}
	case framePushPromise, frameWindowUpdate:
	}
	return ""
}

// fixedLength returns the length that the type of a frame prescribes, if it does.
func (h frameHeader) fixedLength() (n int, fixed bool) {
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

func appendFrameHeader(dst []byte, h frameHeader) []byte {
	dst = append(dst, byte(h.length>>16), byte(h.length>>8), byte(h.length), byte(h.kind), h.flags)
	return binary.BigEndian.AppendUint32(dst, h.stream)
}

func appendSetting(dst []byte, id uint16, value uint32) []byte {
	dst = binary.BigEndian.AppendUint16(dst, id)
	return binary.BigEndian.AppendUint32(dst, value)
}

func appendRSTStream(dst []byte, stream uint32, code ErrCode) []byte {
	dst = appendFrameHeader(dst, frameHeader{length: 4, kind: frameRSTStream, stream: stream})
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

func appendWindowUpdate(dst []byte, stream uint32, increment int) []byte {
	dst = appendFrameHeader(dst, frameHeader{length: 4, kind: frameWindowUpdate, stream: stream})
	return binary.BigEndian.AppendUint32(dst, uint32(increment))
}

func appendGoAway(dst []byte, lastStream uint32, code ErrCode, debug string) []byte {
	dst = appendFrameHeader(dst, frameHeader{length: 8 + len(debug), kind: frameGoAway})
	dst = binary.BigEndian.AppendUint32(dst, lastStream)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

func appendPing(dst []byte, ack bool, data [8]byte) []byte {
	h := frameHeader{length: 8, kind: framePing}
	if ack {
		h.flags = flagAck
	}
	return append(appendFrameHeader(dst, h), data[:]...)
}
