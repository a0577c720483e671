// Package hub delivers the records of a log to the streams that listen.
//
// A Hub follows a log: it keeps the newest records as history, and hands each to the Shards that
// may have streams for it. A Shard belongs to one event loop: it knows the streams of that loop,
// their rooms and their queues. A Stream is one subscriber, embedded by value in whatever carries
// it.
//
//	log.Follow(h)                           // from now on, h gets every record
//	for shard.Deliver(1000, 64<<10) { … }   // the shard's loop
//	plaintext = stream.Pop(plaintext[:0], 16<<10)
//
// The package does no I/O, starts no goroutine and reads no clock. Methods of Hub may be called
// from any goroutine; methods of Shard and Stream only from the loop that owns the shard.
//
// The promise: a stream gets every event of its rooms that was applied after it subscribed, in the
// order of the numbers, each once. Numbers may have gaps. Where the promise cannot be kept (history
// is gone, the policy for slow streams dropped something) the stream is told by a "hasses.gap"
// event or ended; only the policy Latest drops without notice, because that is its purpose.
package hub

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// Bounds that apply where an option is 0.
const (
	defaultInboxEvents = 4096
	defaultInboxBytes  = 64 << 20
	defaultQueueBytes  = 256 << 10
)

// Options are the settings of a Hub. Apart from Epoch, a zero value is the default.
type Options struct {
	Epoch       string        // first part of every id until the first Rebase, see sse.ValidEpoch
	Seq         uint64        // number of the newest record before those that are restored or applied
	History     HistoryLimits // zero: no history
	InboxEvents int           // messages that may wait for one shard; default 4096
	InboxBytes  int64         // bytes that may wait for one shard; default 64 MiB
	QueueBytes  int           // plaintext that may wait for one stream; default 256 KiB
	Slow        Policy        // what happens to a stream whose queue is full; default Close

	// IsShared states that other hubs follow the same log. One of them may be ahead of this one, so
	// a client may know an id that comes here later.
	IsShared bool

	// Starved is called, with the lock of the hub held, whenever a message finds no credit left: it
	// must only signal the caller of SetCredit. nil: credit has no bound.
	Starved func()
}

// Hub gives each record of the log its place in the history and in the inbox of each shard that may
// have streams for it, in one step.
type Hub struct {
	// Fixed after creation.
	isShared bool
	seed     maphash.Seed // of the hashes of rooms

	// Changed by SetLimits, read anywhere.
	queueBytes atomic.Int64
	slow       atomic.Uint32

	mu sync.Mutex

	// Guarded by mu.
	seq     uint64 // number of the newest record; its id is that of eras
	eras    eras
	applied uint64 // how many records came from the log
	history history
	intake  intake
	unread  unreadEpochs
}

// New makes a Hub without shards. An invalid epoch is a bug of the caller, and panics.
func New(o Options) *Hub {
	if !sse.ValidEpoch(o.Epoch) {
		panic("hub: internal error: invalid epoch")
	}
	seed := maphash.MakeSeed()
	h := &Hub{
		isShared: o.IsShared,
		seed:     seed,
		seq:      o.Seq,
		eras:     eras{{epoch: o.Epoch}},
		history:  history{limits: o.History, floor: o.Seq},
		intake:   intake{maxEvents: o.InboxEvents, maxBytes: o.InboxBytes, starved: o.Starved, seed: seed},
	}
	if h.intake.maxEvents <= 0 {
		h.intake.maxEvents = defaultInboxEvents
	}
	if h.intake.maxBytes <= 0 {
		h.intake.maxBytes = defaultInboxBytes
	}
	h.setStreamLimits(o.QueueBytes, o.Slow)
	return h
}

// Apply implements eventlog.Follower: it gives a record its place in the history and in every
// inbox. A number that is not higher than the last one is a bug of the log, and panics.
func (h *Hub) Apply(r eventlog.Record) bool {
	rec := newRecord(r.Frame, r.To, r.Except)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.intake.hasRoom(rec.size) {
		return false
	}
	rec.seq += h.eras.current().base
	h.advance(rec)
	h.applied++
	h.history.append(r.At, 0, rec)
	h.history.sweep() // or records would pile up when publishers are faster than Trim
	h.intake.push(delivery{rec, r.Receipt})
	return true
}

// advance makes rec the newest record.
func (h *Hub) advance(rec *record) {
	if rec.seq <= h.seq {
		panic("hub: internal error: a record is out of order")
	}
	h.seq = rec.seq
}

// HasRoom implements eventlog.Follower.
func (h *Hub) HasRoom() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.intake.hasRoom(0)
}

// Space implements eventlog.Follower.
func (h *Hub) Space() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.intake.space()
}

// SetCredit sets how many bytes may be published until it is called again; the message that uses
// them up may be longer. While there is none, there is no room. This is how the memory guard bounds
// what publishers use between two of its checks. It has an effect only with Options.Starved.
func (h *Hub) SetCredit(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.intake.credit = bytes
	if bytes > 0 {
		h.intake.announce()
	}
}

// SetLimits replaces the limits that may change while running; they apply from the next message on,
// and to the history at once. Zero values mean what they mean in Options.
func (h *Hub) SetLimits(now time.Time, history HistoryLimits, queueBytes int, slow Policy) {
	h.setStreamLimits(queueBytes, slow)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.limits = history
	h.history.trim(now)
}

func (h *Hub) setStreamLimits(queueBytes int, slow Policy) {
	if queueBytes <= 0 {
		queueBytes = defaultQueueBytes
	}
	h.queueBytes.Store(int64(queueBytes))
	h.slow.Store(uint32(slow))
}

// Trim drops what has become too old for the history, and gives back a part of the memory of what
// has left it. It reports whether there is more of that: call it again then, but let others run in
// between. Once a second is enough.
func (h *Hub) Trim(now time.Time) (more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.trim(now)
	h.history.sweep()
	return h.history.left > 0
}

// HalveHistory drops the oldest half of the history, by bytes, and returns how many events that
// were: for when memory runs short. The memory comes back with Trim.
func (h *Hub) HalveHistory() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.history.halve()
}

// take moves the next records of an inbox to dst, which is empty.
func (h *Hub) take(b *inbox, dst []delivery) []delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.intake.take(b, dst)
}

// LastID returns the id of the newest record, or where Rebase has put the hub since; its number is
// 0 if there was none.
func (h *Hub) LastID() sse.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id(h.seq)
}

func (h *Hub) id(seq uint64) sse.ID { return h.eras.id(seq) }

// Stats are the figures of a Hub at one moment.
type Stats struct {
	Messages      uint64        // applied here, not restored
	HistoryEvents int           // kept now
	HistoryBytes  int64         // kept now, as counted against HistoryLimits.Bytes
	HistoryOldest time.Duration // age of the oldest event kept; 0 if there is none
}

// Stats returns the figures of now.
func (h *Hub) Stats(now time.Time) Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := Stats{Messages: h.applied, HistoryEvents: h.history.len(), HistoryBytes: h.history.bytes}
	if st.HistoryEvents > 0 {
		st.HistoryOldest = max(0, now.Sub(h.history.start)-h.history.at(0).at)
	}
	return st
}
