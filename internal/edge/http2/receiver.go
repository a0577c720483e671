package http2

import "golang.org/x/net/http2/hpack"

// receiver is the receiving half of a connection.
type receiver struct {
	input   *input         // nil: between two frames, as connections that rest are
	decoder *hpack.Decoder // of this connection, with a table; nil: that of all
	window  recvWindow
	acked   bool // the peer has acknowledged our settings
	begun   bool // its own have come
}

// begin makes the input ready: while a connection receives, and as long as it stops between two
// frames, it uses what all share.
func (r *receiver) begin(h *Shared) {
	if r.input == nil {
		h.input = input{}
		r.input = &h.input
	}
}

// end keeps what is under way.
func (r *receiver) end(h *Shared, failed bool) {
	switch {
	case failed || r.input.rests():
		r.input = nil
	case r.input == &h.input:
		r.input = new(input)
		*r.input = h.input
	}
	h.input = input{}
}

// table returns the decoder with this connection's table, or nil when the peer uses none.
func (r *receiver) table(h *Shared) *hpack.Decoder {
	if r.acked && h.limits.HeaderTable == 0 {
		return nil
	}
	if r.decoder == nil {
		r.decoder = h.newDecoder(h.limits.table())
	}
	return r.decoder
}

// settingsAcked frees the peer's table: from now on it uses none, if that is what we told it.
func (r *receiver) settingsAcked(h *Shared) {
	r.acked = true
	if h.limits.HeaderTable == 0 {
		h.release(r.decoder)
		r.decoder = nil
	}
}
