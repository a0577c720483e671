package http2

import "golang.org/x/net/http2/hpack"

// Limits bound what one connection may ask for. All must be set.
type Limits struct {
	HeaderBytes int    // of one request head, as RFC 9113 counts them: SETTINGS_MAX_HEADER_LIST_SIZE
	Streams     int    // at one time: SETTINGS_MAX_CONCURRENT_STREAMS
	HeaderTable uint32 // of the peer's HPACK encoder: SETTINGS_HEADER_TABLE_SIZE; 0 saves the memory of a table
}

// table returns the size of a connection's table, where there is one: a peer that has not acknowledged
// our settings may use one of the default size.
func (l Limits) table() uint32 { return max(defaultHeaderTable, l.HeaderTable) }

// mostString returns how long a string may be in a head over the limit that has to be read for the sake
// of a table. It is not shorter than any string in the table, or in a frame.
func (l Limits) mostString() int { return max(l.HeaderBytes, int(l.table()), maxFrameSize) }

// Shared is what the connections of one goroutine that have the same limits share: what each of them
// needs only while it is at work, and there are very many that rest.
type Shared struct {
	limits Limits // fixed
	points int32  // that a budget has at most; fixed

	codec    codec
	input    input            // of the connection that receives
	decoders []*hpack.Decoder // with an empty table, for connections that begin; mostDecoders at most
	work     uint64           // that the peers have made so far, in microseconds or so
}

// NewShared returns what connections with these limits share.
func NewShared(limits Limits) *Shared {
	h := &Shared{limits: limits, points: mostPoints(limits.Streams)}
	h.codec.init()
	return h
}

// Limits returns the limits.
func (h *Shared) Limits() Limits { return h.limits }

// Work returns how much work the peers have made so far, in microseconds or so.
func (h *Shared) Work() uint64 { return h.work }

// mostDecoders is how many decoders wait for the next connection. Each serves one until its client
// has acknowledged that we want no table, which takes a round trip.
const mostDecoders = 16

// newDecoder returns a decoder with an empty table of that size.
func (h *Shared) newDecoder(table uint32) *hpack.Decoder {
	last := len(h.decoders) - 1
	if last < 0 {
		return newDecoder(table)
	}
	d := h.decoders[last]
	h.decoders[last] = nil
	h.decoders = h.decoders[:last]
	d.SetAllowedMaxDynamicTableSize(table)
	d.SetMaxDynamicTableSize(table)
	return d
}

// release takes back a decoder that stands between two blocks.
func (h *Shared) release(d *hpack.Decoder) {
	if d == nil || len(h.decoders) >= mostDecoders {
		return
	}
	d.SetEmitFunc(nil)
	d.SetMaxDynamicTableSize(0) // empties the table
	h.decoders = append(h.decoders, d)
}

// workSince returns the work since it was before.
func (h *Shared) workSince(before uint64) uint64 { return h.work - before }
