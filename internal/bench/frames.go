package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/net/http2/hpack"
)

// The frames of HTTP/2 that a subscriber needs (RFC 9113, section 6).
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameRSTStream    = 0x3
	frameSettings     = 0x4
	framePushPromise  = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingEnablePush        = 0x2
	settingMaxStreams        = 0x3
	settingInitialWindowSize = 0x4

	frameHead = 9
	// maxFrame is the longest frame that we accept, which is the least that the RFC allows.
	maxFrame = 16 << 10
	// firstWindow is the window of a connection at its begin.
	firstWindow = 65535

	errCodeCancel = 0x8

	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// errFrames is the cause of all errors of a server that breaks HTTP/2.
var errFrames = errors.New("the server breaks HTTP/2")

// frame is one frame, or a piece of a DATA frame.
type frame struct {
	kind    uint8
	flags   uint8
	stream  uint32
	payload []byte // of a piece: that piece
	padding int    // bytes that came besides; of DATA they count against the windows, too
	last    bool   // the piece is the last one of its frame
}

// frameReader cuts what comes into frames. DATA without padding is handed on as it comes; other
// frames are kept until they are complete.
type frameReader struct {
	head [frameHead]byte
	have int // bytes of the head
	left int // bytes of the payload to come
	kept []byte
}

// next returns the next frame or piece that p completes, and the rest of p. Without one, ok is
// false and p is used up.
func (r *frameReader) next(p []byte) (f frame, rest []byte, ok bool, err error) {
	if r.have < frameHead {
		n := copy(r.head[r.have:], p)
		p = p[n:]
		if r.have += n; r.have < frameHead {
			return f, nil, false, nil
		}
		r.left = int(r.head[0])<<16 | int(r.head[1])<<8 | int(r.head[2])
		if r.left > maxFrame {
			return f, nil, false, fmt.Errorf("%w: a frame of %d bytes", errFrames, r.left)
		}
	} else if len(p) == 0 {
		return f, nil, false, nil
	}
	f = frame{kind: r.head[3], flags: r.head[4], stream: binary.BigEndian.Uint32(r.head[5:]) & (1<<31 - 1)}
	n := min(len(p), r.left)
	piece := p[:n]
	p = p[n:]
	r.left -= n
	f.last = r.left == 0
	if f.kind == frameData && f.flags&flagPadded == 0 {
		if n == 0 && !f.last {
			return f, nil, false, nil
		}
		f.payload = piece
	} else {
		if !f.last || len(r.kept) > 0 {
			r.kept = append(r.kept, piece...)
			piece = r.kept
		}
		if !f.last {
			return f, nil, false, nil
		}
		r.kept = nil
		if f.payload, err = unpadded(f, piece); err != nil {
			return f, nil, false, err
		}
		f.padding = len(piece) - len(f.payload)
	}
	if f.last {
		r.have = 0
	}
	return f, p, true, nil
}

// unpadded returns the payload without padding and priority.
func unpadded(f frame, p []byte) ([]byte, error) {
	if f.kind != frameData && f.kind != frameHeaders {
		return p, nil
	}
	pad := 0
	if f.flags&flagPadded != 0 && len(p) > 0 {
		pad, p = int(p[0]), p[1:]
	}
	if f.kind == frameHeaders && f.flags&flagPriority != 0 {
		const priority = 5
		p = p[min(priority, len(p)):]
	}
	if pad > len(p) {
		return nil, fmt.Errorf("%w: more padding than payload", errFrames)
	}
	return p[:len(p)-pad], nil
}

func appendFrame(dst []byte, length int, kind, flags uint8, stream uint32) []byte {
	dst = append(dst, byte(length>>16), byte(length>>8), byte(length), kind, flags)
	return binary.BigEndian.AppendUint32(dst, stream)
}

func appendSetting(dst []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), value)
}

// appendNumber appends a frame whose payload is one number: WINDOW_UPDATE, RST_STREAM.
func appendNumber(dst []byte, kind uint8, stream, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(dst, 4, kind, 0, stream), n)
}

// requestEncoder writes heads of requests without a table, so that one serves all connections.
type requestEncoder struct {
	block   bytes.Buffer
	encoder *hpack.Encoder
}

func newRequestEncoder() *requestEncoder {
	e := new(requestEncoder)
	e.encoder = hpack.NewEncoder(&e.block)
	e.encoder.SetMaxDynamicTableSize(0)
	_ = e.encoder.WriteField(hpack.HeaderField{Name: ":method", Value: "GET"}) // a buffer takes all
	return e
}

// appendRequest appends the HEADERS of a request without a body. One that does not fit into a frame
// goes on in CONTINUATION.
func (e *requestEncoder) appendRequest(dst []byte, stream uint32, fields []hpack.HeaderField) []byte {
	e.block.Reset()
	for _, f := range fields {
		_ = e.encoder.WriteField(f)
	}
	block := e.block.Bytes()
	kind, flags := uint8(frameHeaders), uint8(flagEndStream)
	for {
		piece := block[:min(len(block), maxFrame)]
		if block = block[len(piece):]; len(block) == 0 {
			flags |= flagEndHeaders
		}
		dst = append(appendFrame(dst, len(piece), kind, flags, stream), piece...)
		if len(block) == 0 {
			return dst
		}
		kind, flags = frameContinuation, 0
	}
}
