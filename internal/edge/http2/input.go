package http2

// phase is what of a frame comes next.
type phase uint8

// The phases.
const (
	inHeader  phase = iota // the nine bytes
	inPreface              // what comes before the first frame
	inPrefix               // the part of the payload that is looked at as a whole
	inBody                 // what is handed on as it comes: data, a piece of a head; or skipped
	inPadding
)

// input is how far the frame or head that is coming has come; the zero value is between two frames.
// A frame is never kept as a whole: what is looked at as a whole is at most a few settings, the rest
// is handed on or skipped as it comes.
type input struct {
	phase phase
	frame frameHeader // the frame under way
	need  int         // length of the prefix
	left  int         // bytes of the body that are still to come
	pad   int         // and of the padding
	kept  []byte      // the beginning of a preface, header or prefix that came in pieces; nil: none
	block block       // a head that is not complete
}

// rests reports whether nothing is under way.
func (in *input) rests() bool { return in.phase == inHeader && len(in.kept) == 0 && !in.block.isOpen }

// take returns n bytes once they have come, and what of p is left; until then it keeps p.
func (in *input) take(p []byte, n int) (whole, rest []byte, ok bool) {
	if len(in.kept) == 0 && len(p) >= n {
		return p[:n:n], p[n:], true
	}
	more := min(len(p), n-len(in.kept))
	in.kept = append(in.kept, p[:more]...)
	if len(in.kept) < n {
		return nil, nil, false
	}
	whole = in.kept
	in.kept = nil
	return whole, p[more:], true
}

// payload is how much of the DATA frame under way is data.
func (in *input) payload() int { return in.frame.length - in.need - in.pad }

// block is a head that is being collected: the HPACK block that HEADERS begins and CONTINUATION
// goes on with.
type block struct {
	isOpen        bool
	stream        uint32
	end           bool // END_STREAM
	purpose       blockPurpose
	selfish       bool // the stream depends on itself
	tooLarge      bool // more than the limit has come, and was thrown away
	continuations int
	kept          []byte // what has come, if more is to come; not over the limit
}

// blockPurpose is what is done with a head when it is complete.
type blockPurpose uint8

const (
	forRequest  blockPurpose = iota
	forTrailers              // they are read, for the table, and ignored
	forRefusal               // over the bound on streams, or after GOAWAY: RST_STREAM, REFUSED_STREAM
	forNothing               // of a stream that we reset
)
