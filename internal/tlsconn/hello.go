package tlsconn

import "bytes"

// headerLen is the size of a TLS record's header (RFC 8446 section 5.1).
const headerLen = 5

// maxPart is how much of the first record crypto/tls is given as one record. Its read buffer is made for a header and
// bytes.MinRead; a record of this size fits, so the buffer need not grow.
const maxPart = bytes.MinRead

// hello hands the record with a client's first message to crypto/tls in parts, each a record of its own, which a
// sender is free to do (RFC 8446 section 5.1) and the transcript does not see. crypto/tls keeps its read buffer as
// large as it ever had to be, and the ClientHello with a key share of X25519MLKEM768, 1,500 bytes and more, is the
// largest record a subscriber sends: in parts it costs 1,500 bytes less for as long as the stream lives
// (BenchmarkIdleMemory: 6,730 bytes before, 5,260 after). The parts are equal and their number is a power of two, so
// that the buffer in which crypto/tls puts them together, and which doubles, ends at the size of the message.
type hello struct {
	// Owned by the handshake's goroutine.
	head   [headerLen]byte // as the client sent it
	have   int             // bytes of head that have come
	begun  bool            // head was looked at
	size   int             // of a part; the last may be smaller
	rest   int             // bytes of the record behind this part
	part   int             // bytes of this part that are still to come
	filled int             // bytes of this part and its header that lie in the reader's buffer
	end    error           // ended the stream inside the record; comes after what had come of it
}

// read is the descriptor's Read with the first record cut. As in crypto/tls's reads, p is longer than bytes.MinRead
// at the start of a record; when the descriptor would block, the next call is made with the same p.
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

// cut decides how large the parts are. What is not a handshake record of legal size is left as it is.
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

// fill returns a header and its whole part: in pieces they would make the buffer grow.
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
