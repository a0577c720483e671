package hub

import (
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Bounds of one step of a replay, which runs with the lock of the hub held.
const (
	replayRecords = 64  // queued
	replayVisits  = 256 // looked at, queued or not
	replaySteps   = 4   // for one Pop
)

// start decides where the subscription of st begins, and whether a replay comes first.
func (h *Hub) start(now time.Time, st *Stream, lastEventID string) Start {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.trim(now)
	st.seen = h.seq
	seq := h.seq
	start := Start{ID: h.id(seq)}
	switch lastEventID {
	case "":
	case Earliest:
		seq = h.history.floor
		start.ID = h.id(seq)
	default:
		after, where := h.locate(lastEventID)
		switch where {
		case reached:
			st.shard.replays.counts.Complete++
			start.ID = h.id(after)
		case notYet:
			st.shard.replays.counts.Complete++
			start.ID = h.id(after)
			st.last, st.after = after, after
			st.setPhase(ahead)
			return start
		case unknown:
			st.shard.replays.counts.Gap++
			after = h.history.floor
			start.ID = h.beforeGap(lastEventID)
			start.Gap = sse.Gap(lastEventID, h.id(after))
			st.queue.push(item{frame: start.Gap})
		}
		seq = after
	}
	st.last, st.after = seq, seq
	visits := 0
	h.replay(st, func(rec *record) bool {
		visits++
		return rec.excepts(st.clientID) && visits < replayVisits
	})
	return start
}

// refill pulls the next piece of a replay, about want bytes, into the empty queue. It reports
// whether anything came. Where much is not for this client, the next call may bring something.
func (st *Stream) refill(want int) bool {
	for step := 0; step < replaySteps && st.phase == replaying && st.queue.n == 0; step++ {
		st.shard.hub.pull(st, want)
	}
	return st.queue.n > 0
}

func (h *Hub) pull(st *Stream, want int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if floor := h.history.floor; st.after < floor {
		// What follows st.after is what the stream needs next, and it was evicted.
		st.shard.replays.counts.Overtaken++
		st.queue.push(item{frame: sse.Gap(h.id(st.last).String(), h.id(floor))})
		st.last, st.after = floor, floor
	}
	visits := 0
	h.replay(st, func(rec *record) bool {
		if visits++; rec.excepts(st.clientID) {
			return visits < replayVisits
		}
		if st.queue.n >= replayRecords || st.queue.bytes >= want {
			return false
		}
		st.queue.push(item{rec.frame, rec})
		return true
	})
}

// replay visits what is in history for st after st.after and moves st.after on: to just before the
// record at which visit stopped. If visit did not stop, it moves to the newest record, and the
// stream is live.
func (h *Hub) replay(st *Stream, visit func(*record) bool) {
	before := h.history.looked
	stopped, scratch := h.history.scan(st, st.after, st.shard.replays.heads, visit)
	st.shard.replays.looked += h.history.looked - before
	clear(scratch)
	st.shard.replays.heads = scratch[:0]
	if stopped > 0 {
		st.after = stopped - 1
		st.setPhase(replaying)
		return
	}
	st.after = h.seq
	st.setPhase(live)
}
