package idempotency

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/list"
)

// EntryBytes is about how much memory one key takes, with its receipt and its share of the maps.
const EntryBytes = 512

// Limits bound a table.
type Limits struct {
	Window time.Duration // how long a key is remembered; 0: not at all
	Keys   int           // how many are remembered; 0: none
}

// Options are what a Table needs. Both are required.
type Options struct {
	Now    func() time.Time
	Limits func() Limits // the present ones; asked for each claim, from any goroutine
}

// Table remembers keys. Its methods may be called from any goroutine.
type Table struct {
	now    func() time.Time
	limits func() Limits

	mu sync.Mutex
	// guarded by mu
	entries    map[Key]*entry
	publishers map[[16]byte]*publisher
	published  list.List[entry] // all that are published, oldest first
}

// entry is one key.
type entry struct {
	key         Key
	fingerprint Fingerprint
	done        chan struct{} // closed once it is published or released; nil: it was restored
	age         list.Node[entry]
	own         list.Node[entry]

	// Guarded by the table's mu.
	receipt     *eventlog.Receipt // nil: it is being published
	publishedAt time.Time
}

// publisher is the keys of one publisher that are published.
type publisher struct{ published list.List[entry] }

// New returns an empty table.
func New(o Options) *Table {
	return &Table{now: o.Now, limits: o.Limits, entries: map[Key]*entry{}, publishers: map[[16]byte]*publisher{}}
}

// ErrMismatch means that the key was used for another message.
var ErrMismatch = errors.New("the idempotency key was used for another message")

// expirePerClaim is how many expired keys one claim forgets at most. More than one, so that the
// table shrinks while it is used.
const expirePerClaim = 8

// ErrInWork means that another goroutine is publishing under the key.
var ErrInWork = errors.New("a message is being published under the idempotency key")

// Claim asks for the right to publish the message with that fingerprint under a key. Exactly one of
// the results is set: the claim, if the key is free; the receipt of the message, if it was
// published; or an error, which is ErrMismatch or that of ctx. While another goroutine publishes
// under the key, Claim waits for the outcome.
func (t *Table) Claim(ctx context.Context, key Key, fingerprint Fingerprint) (*Claim, *eventlog.Receipt, error) {
	for {
		claim, found := t.enter(key, fingerprint)
		if claim != nil {
			return claim, nil, nil
		}
		if receipt, err := t.outcome(found, fingerprint); !errors.Is(err, ErrInWork) {
			return nil, receipt, err
		}
		select {
		case <-found.done:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		if receipt := t.receiptOf(found); receipt != nil {
			return nil, receipt, nil
		}
	}
}

// TryClaim is Claim, but returns ErrInWork instead of waiting.
func (t *Table) TryClaim(key Key, fingerprint Fingerprint) (*Claim, *eventlog.Receipt, error) {
	claim, found := t.enter(key, fingerprint)
	if claim != nil {
		return claim, nil, nil
	}
	receipt, err := t.outcome(found, fingerprint)
	return nil, receipt, err
}

// outcome returns the receipt of a key that is there, or ErrMismatch or ErrInWork.
func (t *Table) outcome(found *entry, fingerprint Fingerprint) (*eventlog.Receipt, error) {
	if found.fingerprint != fingerprint {
		return nil, ErrMismatch
	}
	if receipt := t.receiptOf(found); receipt != nil {
		return receipt, nil
	}
	return nil, ErrInWork
}

// enter enters the key, unless it is there.
func (t *Table) enter(key Key, fingerprint Fingerprint) (*Claim, *entry) {
	now, limits := t.now(), t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now, limits, expirePerClaim)
	if e := t.entries[key]; e != nil {
		if e.receipt == nil || now.Sub(e.publishedAt) < limits.Window {
			return nil, e
		}
		t.forget(e)
	}
	e := &entry{key: key, fingerprint: fingerprint, done: make(chan struct{})}
	t.entries[key] = e
	return &Claim{t, e}, nil
}

func (t *Table) receiptOf(e *entry) *eventlog.Receipt {
	t.mu.Lock()
	defer t.mu.Unlock()
	return e.receipt
}

// Claim is the right to publish under a key. Exactly one of its methods must be called, once.
type Claim struct {
	table *Table
	entry *entry
}

// Publish records that the message was published.
func (c *Claim) Publish(receipt *eventlog.Receipt) {
	t, e := c.table, c.entry
	now, limits := t.now(), t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	e.receipt, e.publishedAt = receipt, now
	t.remember(e, limits)
	close(e.done)
}

// Release gives the key back: the message was not published.
func (c *Claim) Release() {
	t, e := c.table, c.entry
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entries, e.key)
	close(e.done)
}

// remember puts a published entry at the end of the lists, and makes room for it.
func (t *Table) remember(e *entry, limits Limits) {
	p := t.publishers[e.key.publisher]
	if p == nil {
		p = &publisher{}
		t.publishers[e.key.publisher] = p
	}
	t.published.Push(&e.age, e)
	p.published.Push(&e.own, e)
	// Twice, so that a table that a reload has made smaller shrinks.
	for range 2 {
		if t.published.Len() > limits.Keys {
			t.forget(t.victim(p, limits.Keys))
		}
	}
}

// victim returns the key to forget when there are too many: the oldest of all, but the oldest of its
// own for a publisher who has more than an equal share. So nobody can make the keys of others be
// forgotten by using many.
func (t *Table) victim(p *publisher, most int) *entry {
	if p.published.Len() > most/len(t.publishers) {
		return p.published.First()
	}
	return t.published.First()
}

// expire forgets up to most keys whose time is over, and reports whether there may be more.
func (t *Table) expire(now time.Time, limits Limits, most int) (more bool) {
	for range most {
		e := t.published.First()
		if e == nil || now.Sub(e.publishedAt) < limits.Window && t.published.Len() <= limits.Keys {
			return false
		}
		t.forget(e)
	}
	return true
}

func (t *Table) forget(e *entry) {
	delete(t.entries, e.key)
	t.published.Remove(&e.age)
	p := t.publishers[e.key.publisher]
	p.published.Remove(&e.own)
	if p.published.Len() == 0 {
		delete(t.publishers, e.key.publisher)
	}
}

// trimStep is how many keys Trim forgets while it holds the lock: about 0.1 ms.
const trimStep = 256

// Trim forgets keys whose time is over, a step at a time, and reports whether there are more.
func (t *Table) Trim() (more bool) {
	now, limits := t.now(), t.limits()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.expire(now, limits, trimStep)
}

// Len returns the number of keys that are remembered.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.published.Len()
}
