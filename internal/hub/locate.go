package hub

import (
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// place is where an id is, as this hub knows the log.
type place uint8

const (
	unknown place = iota // not an id, of another epoch, or no longer in the history
	reached              // the history has what comes after it
	notYet               // other hubs have it, and this one gets it in a moment
)

// maxAhead bounds by how many records another hub can be ahead. An id further ahead was made up.
const maxAhead = 1 << 32

// locate returns the hub's number of an id that a client sent, and where that is.
func (h *Hub) locate(lastEventID string) (seq uint64, where place) {
	id, ok := sse.ParseID(lastEventID)
	now := h.eras.current()
	if !ok || id.Epoch != now.epoch {
		return 0, unknown
	}
	// Compared as numbers of the log, because a client's may be any.
	switch newest := h.seq - now.base; {
	case id.Seq > newest:
		if !h.isShared || id.Seq-newest > maxAhead {
			return 0, unknown
		}
		return id.Seq + now.base, notYet
	case id.Seq < h.history.floor-now.base:
		return 0, unknown
	}
	return id.Seq + now.base, reached
}

// noEpoch is the epoch of no log, as epochs are times. It is earlier than every other.
const noEpoch = "0"

// beforeGap returns the id for the preface of a stream that begins with a gap: that of its client,
// which only the gap replaces. If the preface already had the id behind the gap, and the connection
// broke between the two, the client would come back with that id and never learn of the gap.
//
// An id of another epoch, one that this hub has not given yet, and what is none are replaced by an
// id that no hub will ever resume after without a gap.
func (h *Hub) beforeGap(lastEventID string) sse.ID {
	id, ok := sse.ParseID(lastEventID)
	now := h.eras.current()
	if !ok || id.Epoch != now.epoch || id.Seq > h.seq-now.base {
		return sse.ID{Epoch: noEpoch}
	}
	return id
}

// IsAhead reports whether the client resumed after a record that this hub has not got yet.
func (st *Stream) IsAhead() bool {
	if st.phase == ahead && st.shard.hub.hasReached(st) {
		st.setPhase(live)
	}
	return st.phase == ahead
}

// hasReached reports whether the hub has the record that st waits for. While a mark is on its way to
// st, numbers cannot be compared.
func (h *Hub) hasReached(st *Stream) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq >= st.after && h.eras.current().from <= st.seen
}

// IsBehind reports whether lastEventID is of an epoch that may begin here in a moment. A stream
// that resumes after it must not start before that: it would get a second time what its client
// has. This is so for 5 seconds; after that, the epoch is unknown.
func (h *Hub) IsBehind(now time.Time, lastEventID string) bool {
	if !h.isShared || lastEventID == "" {
		return false
	}
	id, ok := sse.ParseID(lastEventID)
	if !ok {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return sse.IsLaterEpoch(id.Epoch, h.eras.current().epoch) && h.unread.isAwaited(now, id.Epoch)
}
