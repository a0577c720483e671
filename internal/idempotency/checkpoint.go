package idempotency

import (
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// Remembered is a key as it outlives the daemon.
type Remembered struct {
	Key         []byte // of KeyBytes
	Fingerprint []byte // of FingerprintBytes
	ID          sse.ID
	Matched     int
	Age         time.Duration // since the message was published
}

// Lengths of the parts of a Remembered.
const (
	KeyBytes         = len(Key{}.publisher) + len(Key{}.message)
	FingerprintBytes = len(Fingerprint{})
)

// Checkpoint returns the keys that are remembered, oldest first.
func (t *Table) Checkpoint() []Remembered {
	now, limits := t.now(), t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Remembered, 0, t.published.Len())
	for e := range t.published.All() {
		age := now.Sub(e.publishedAt)
		if age >= limits.Window {
			continue
		}
		out = append(out, Remembered{
			Key:         slices.Concat(e.key.publisher[:], e.key.message[:]),
			Fingerprint: slices.Clone(e.fingerprint[:]),
			ID:          e.receipt.ID(),
			Matched:     e.receipt.Matched(),
			Age:         max(0, age),
		})
	}
	return out
}

// Restore remembers the keys of a checkpoint. It is called before the first Claim.
func (t *Table) Restore(keys []Remembered) {
	now, limits := t.now(), t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		if len(k.Key) != KeyBytes || len(k.Fingerprint) != FingerprintBytes || k.Age < 0 || k.Age >= limits.Window {
			continue
		}
		e := &entry{receipt: eventlog.NewSettledReceipt(k.ID, k.Matched), publishedAt: now.Add(-k.Age)}
		copy(e.key.publisher[:], k.Key)
		copy(e.key.message[:], k.Key[len(e.key.publisher):])
		copy(e.fingerprint[:], k.Fingerprint)
		if t.entries[e.key] != nil {
			continue
		}
		t.entries[e.key] = e
		t.remember(e, limits)
	}
}
