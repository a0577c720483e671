package tlsconn

import "bytes"

// headerLen is the size of a TLS record's header (RFC 8446 section 5.1).
const headerLen = 5

// maxPart is the size of the parts of the first record. The read buffer of crypto/tls starts with
// room for a header and bytes.MinRead, so a record of this size does not make it grow.
const maxPart = bytes.MinRead

// hello splits the record with a client's first message into several records for crypto/tls. A
// sender may do the same (RFC 8446 section 5.1), and the transcript does not include it. The read
// buffer of crypto/tls never shrinks, and the largest record of a subscriber is its ClientHello,
// 1,500 bytes and more with a key share of X25519MLKEM768. Split, it saves 1,500 bytes for the life
// of the stream (BenchmarkIdleMemory: 6,730 bytes before, 5,260 after). The parts are equal and
// their number is a power of two, so that the buffer in which crypto/tls joins them, and which
// doubles, ends up with the size of the message.
type hello struct {
	// Owned by the handshake's goroutine.
	head   [headerLen]byte // as the client sent it
	have   int             // bytes of head received
	begun  bool            // head has been examined
	size   int             // of a part; the last may be smaller
	rest   int             // bytes of the record behind this part
	part   int             // bytes of this part not yet received
	filled int             // bytes of this part and its header in the reader's buffer
	end    error           // ended the stream inside the record; returned after the bytes before it
}

// read is the descriptor's Read with the first record split. It relies on two properties of
// crypto/tls: at the start of a record, p is longer than bytes.MinRead; and after the descriptor
// would block, the next call has the same p.
func (h *hello) read(d Descriptor, p []byte) (int, error) {
	if h.end != nil {
		return 0, h.end
	}
	for h.have < headerLen {
		n, err := input(d, h.head[h.have:])
		h.have += n
		if err != nil && !wouldBlock(err) && h.have > 0 {
			h.end = err
			return copy(p, h.head[:h.have]), nil
		}
		if err != nil {
			return 0, err
		}
	}
	if !h.begun {
		h.begun = true
		h.cut()
		if h.rest == 0 {
			return copy(p, h.head[:]), nil
		}
	}
	if h.rest == 0 && h.filled == 0 {
		return input(d, p)
	}
	return h.fill(d, p)
}

// isPast reports whether the first record has been handed over in parts, or is not split.
func (h *hello) isPast() bool { return h.begun && h.rest == 0 && h.filled == 0 && h.end == nil }

// cut chooses the size of the parts. It does not split a record that is not a handshake record of
// valid size.
func (h *hello) cut() {
	n := int(h.head[3])<<8 | int(h.head[4])
	if h.head[0] != 22 || h.head[1] != 3 || n > MaxSeal {
		return
	}
	h.size, h.rest = n, n
	for parts := 2; h.size > maxPart; parts *= 2 {
		h.size = (n + parts - 1) / parts
	}
}

// fill returns a header and its whole part, because pieces would make the buffer grow.
func (h *hello) fill(d Descriptor, p []byte) (int, error) {
	if h.filled == 0 {
		h.part = min(h.size, h.rest)
		h.rest -= h.part
		h.filled = copy(p, []byte{h.head[0], h.head[1], h.head[2], byte(h.part >> 8), byte(h.part)})
	}
	for h.part > 0 {
		n, err := input(d, p[h.filled:h.filled+h.part])
		h.filled += n
		h.part -= n
		if err != nil && wouldBlock(err) {
			return 0, err
		}
		if err != nil {
			h.end = err
			break
		}
	}
	n := h.filled
	h.filled = 0
	return n, nil
}
