package http2

// phase is what of a frame comes next.
type phase uint8

// The phases.
const (
	inPreface phase = iota
	inHeader        // the nine bytes
	inPrefix        // the part of the payload that is looked at as a whole
	inBody          // what is handed on as it comes: data, a piece of a head; or skipped
	inPadding
)

// input is how far the frame that is coming has come. A frame is never kept as a whole: what is
// looked at as a whole is at most a few settings, the rest is handed on or skipped as it comes.
type input struct {
	phase phase
	begun bool        // our peer's SETTINGS have come
	frame frameHeader // the frame under way
	need  int         // length of the prefix
	left  int         // bytes of the body that are still to come
	pad   int         // and of the padding
	kept  []byte      // the beginning of a preface, header or prefix that came in pieces; nil: none
}
