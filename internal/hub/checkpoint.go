package hub

import (
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// Checkpoint returns what a later hub can go on from. It is all there is once the log is closed,
// and never changes.
func (h *Hub) Checkpoint(now time.Time) eventlog.Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.trim(now)
	records := make([]*record, 0, h.history.len())
	for i := range h.history.len() {
		records = append(records, h.history.at(i))
	}
	at := now.Sub(h.history.start)
	return eventlog.Checkpoint{Last: h.id(h.seq), Len: len(records), Entries: func(yield func(eventlog.HistoryEntry) bool) {
		for _, rec := range records {
			if !yield(rec.entry(at)) {
				return
			}
		}
	}}
}

// entry returns the record as it outlives the hub. now counts as record.at does.
func (r *record) entry(now time.Duration) eventlog.HistoryEntry {
	return eventlog.HistoryEntry{
		Seq: r.seq, To: r.to, Except: r.except, Age: max(0, now-r.at), Body: r.frame.Body(),
	}
}

// Restore adds a message of an earlier hub of the same epoch to the history, as far as the limits
// allow. It is for a new hub that has no shards and follows no log yet; messages come oldest first.
// An error states why the message cannot be one of ours; the hub is then of no use.
func (h *Hub) Restore(now time.Time, e eventlog.HistoryEntry) error {
	to, err := eventlog.Reduce(e.To)
	if err != nil {
		return err
	}
	if err := eventlog.CheckExcept(e.Except); err != nil {
		return err
	}
	id := h.id(e.Seq)
	frame, err := sse.Restore(id, e.Body)
	if err != nil {
		return fmt.Errorf("message %s: %w", id, err)
	}
	rec := newRecord(frame, to, e.Except)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.intake.inboxes) > 0 {
		panic("hub: internal error: history is restored behind the first shard")
	}
	if e.Seq <= h.seq {
		return fmt.Errorf("message %s does not follow %s", id, h.id(h.seq))
	}
	h.advance(rec)
	// The age is turned into a time of this process, which no change of the wall clock can touch.
	h.history.append(now, max(0, e.Age), rec)
	return nil
}
