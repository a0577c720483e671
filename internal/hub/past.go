package hub

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// ErrClosed means that the hub takes no more messages, because the daemon is about to end.
var ErrClosed = errors.New("no more messages are taken: the daemon is stopping")

// Kept is a message of the history as it outlives a hub.
type Kept struct {
	To     []names.Target // as they were published, without those that others of them cover
	Except string
	Age    time.Duration // since it was published
	Body   []byte        // of its frame, see sse.Frame.Body; not to be written to
}

// Past is what a hub leaves to the hub of the next start: the id of its newest message, and its history. It does not
// change any more.
type Past struct {
	Last sse.ID

	records []*record
	at      time.Duration // since history.start
}

// Len is the number of messages in the history.
func (p Past) Len() int { return len(p.records) }

// Events are the messages of the history, oldest first. Their numbers have no holes; the last one is that of Last.
func (p Past) Events() iter.Seq[Kept] {
	return func(yield func(Kept) bool) {
		for _, rec := range p.records {
			kept := Kept{To: rec.to, Except: rec.except, Age: max(0, p.at-rec.at), Body: rec.frame.Body()}
			if !yield(kept) {
				return
			}
		}
	}
}

// Close ends publishing: from now on Publish refuses with ErrClosed. It returns what a later hub can go on from; closing
// again returns the same but for the age. Streams keep what they have.
func (h *Hub) Close(now time.Time) Past {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.announceSpace() // or publishers would wait for room that is of no use any more
	h.history.trim(now)
	past := Past{Last: h.id(h.seq), at: now.Sub(h.history.start), records: make([]*record, 0, h.history.len())}
	for i := range h.history.len() {
		past.records = append(past.records, h.history.at(i))
	}
	return past
}

// Remember adds the next message of an earlier hub of the same epoch, which gets the number after the last one, to the
// history, as far as the limits allow. It is for a new hub that has no shards yet; messages come oldest first. An error
// says why the message cannot be one of ours; the hub is then of no use.
func (h *Hub) Remember(now time.Time, k Kept) error {
	to, err := reduce(k.To)
	if err != nil {
		return err
	}
	if err := names.CheckClientID(k.Except); err != nil {
		return &InvalidError{Field: "except", Reason: err.Error()}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.shards) > 0 {
		panic("hub: internal error: the past comes after the first shard")
	}
	if h.seq == math.MaxUint64 {
		return errors.New("there are no more numbers")
	}
	id := h.id(h.seq + 1)
	frame, err := sse.Restore(id, k.Body)
	if err != nil {
		return fmt.Errorf("message %s: %w", id, err)
	}
	rec := &record{to: to, except: k.Except}
	rec.finish(frame)
	h.seq = id.Seq
	h.before = id.Seq
	// The age is turned into a time of this process, which no change of the wall clock can touch.
	h.history.append(now, max(0, k.Age), rec)
	return nil
}
