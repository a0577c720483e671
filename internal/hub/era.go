package hub

import (
	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// maxEras bounds how many former epochs are known by their numbers.
const maxEras = 8

// era is a time between two calls of Rebase. The numbers of the log may fall when its epoch
// changes; those of the hub only grow, so that everything in it can be compared by number. All of
// it is guarded by Hub.mu.
type era struct {
	epoch string
	from  uint64 // the number that the hub had at its beginning
	base  uint64 // what is added to a number of the log; it wraps around where those fall
}

// eras are those of a hub, the oldest first; there is always one.
type eras []era

// current returns the one in force.
func (e eras) current() *era { return &e[len(e)-1] }

// id returns the id of the hub's number.
func (e eras) id(seq uint64) sse.ID {
	i := len(e) - 1
	for i > 0 && seq < e[i].from {
		i--
	}
	return sse.ID{Epoch: e[i].epoch, Seq: seq - e[i].base}
}

// begin adds an era in which the hub's number seq is that of id.
func (e eras) begin(seq uint64, id sse.ID) eras {
	if len(e) == maxEras {
		e = append(e[:0], e[1:]...)
	}
	return append(e, era{epoch: id.Epoch, from: seq, base: seq - id.Seq})
}

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

// moved returns the number that has become of seq, which was given before the mark, and reports
// whether it is not in front of the mark, within one epoch of the log.
func (h *Hub) moved(seq, mark uint64) (now uint64, isPast bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.eras) - 1; i > 0; i-- {
		was, is := &h.eras[i-1], &h.eras[i]
		if is.from == mark {
			number := seq - was.base // of the log, as the hub's may wrap around
			return number + is.base, was.epoch == is.epoch && number >= mark-is.base
		}
	}
	return 0, false
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
