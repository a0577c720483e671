package hub

import (
	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// Rebase implements eventlog.Follower. Every stream is told of a gap in its place among the
// records, and the history begins anew: nothing is replayed across what is unknown.
func (h *Hub) Rebase(id sse.ID) {
	if !sse.ValidEpoch(id.Epoch) {
		panic("hub: internal error: invalid epoch")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.id(h.seq)
	h.seq++
	h.eras = h.eras.begin(h.seq, id)
	h.history.clear()
	h.history.floor = h.seq
	h.intake.push(delivery{newMark(sse.Gap(before.String(), id), h.seq), nil})
}

// moved returns what eras.moved does.
func (h *Hub) moved(seq, mark uint64) (now uint64, isPast bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.eras.moved(seq, mark)
}

// newMark returns the record that tells every stream of a gap.
func newMark(gap *sse.Frame, seq uint64) *record {
	mark := newRecord(gap, eventlog.Targets{names.Everything}, "")
	mark.seq = seq
	return mark
}

// tellGap gives the mark on its way to a stream that subscribed before it.
func (s *Shard) tellGap(st *Stream) {
	f := &s.fan
	switch {
	case st.phase == live && f.rec.seq > st.after: // otherwise a replay has told it
	case st.phase == ahead:
		if after, isPast := s.hub.moved(st.after, f.rec.seq); isPast { // its client has all that was before the gap, and what was in it
			st.last, st.after = after, after
			if after == f.rec.seq {
				st.setPhase(live)
			}
			return
		}
		st.setPhase(live) // it waits for numbers that will not come
	default:
		return
	}
	st.after = f.rec.seq
	s.backlog.enqueue(st, f.rec, f.maxRecipients)
}
