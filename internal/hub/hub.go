// Package hub knows who listens to what and in which order everybody gets it.
//
// A Hub numbers messages, keeps the newest of them as history and hands each to every Shard. A Shard
// belongs to one event loop: it knows the streams of that loop, their rooms and their queues. A Stream
// is one subscriber, embedded by value in whatever carries it.
//
//	receipt, err := h.Publish(now, hub.Message{To: to, Event: event}) // any goroutine
//	for shard.Deliver(1000) { … }                                     // the shard's loop
//	plaintext = stream.Pop(plaintext[:0], 16<<10)                     // the shard's loop
//
// The package does no I/O, starts no goroutine and reads no clock. Methods of Hub and Receipt may be
// called from any goroutine; methods of Shard and Stream only from the loop that owns the shard.
//
// What is promised: a stream gets every event of its rooms that was published after it subscribed, in
// the order of the numbers, each once. Where that cannot be kept (history is gone, the policy for slow
// streams dropped something) the stream is told by a "hasses.gap" event or ended; only the policy
// Latest drops without a word, because that is what it is for.
package hub

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/sse"
)

// Bounds that apply where an option is 0.
const (
	defaultInboxEvents  = 4096
	defaultInboxBytes   = 64 << 20
	defaultQueueBytes   = 256 << 10
	defaultMessageBytes = 64 << 10
)

// Options are the settings of a Hub. Apart from Epoch, a zero value is the default.
type Options struct {
	Epoch        string        // first part of every id, see sse.ValidEpoch
	Seq          uint64        // number of the newest message that an earlier hub of the epoch gave, see Remember
	History      HistoryLimits // zero: no history
	InboxEvents  int           // messages that may wait for one shard; default 4096
	InboxBytes   int64         // bytes that may wait for one shard; default 64 MiB
	QueueBytes   int           // plaintext that may wait for one stream; default 256 KiB
	Slow         Policy        // what happens to a stream whose queue is full; default Close
	MessageBytes int           // longest data of one message; default 64 KiB

	// Starved is called, with the lock of the hub held, whenever a message finds no credit left: it must only signal
	// whoever gives it, see SetCredit. nil: nobody does.
	Starved func()
}

// Hub is the sequencer: it gives each message its number, its place in the history and its place in the
// inbox of every shard, in one step.
type Hub struct {
	// Fixed after creation.
	epoch       string
	inboxEvents int
	inboxBytes  int64
	starved     func() // nil: credit is without bound

	// Changed by SetLimits, read anywhere.
	messageBytes atomic.Int64
	queueBytes   atomic.Int64
	slow         atomic.Uint32

	mu sync.Mutex

	// Guarded by mu.
	seq     uint64 // number of the newest message
	before  uint64 // number of the newest message of earlier hubs of the epoch
	closed  bool   // Close was called
	history history
	shards  []*Shard
	space   chan struct{} // not nil: a message was refused and no room was made since
	credit  int64         // bytes that may still be published; of no meaning without starved
}

// New makes a Hub without shards. An invalid epoch is a bug of the caller, and panics.
func New(o Options) *Hub {
	if !sse.ValidEpoch(o.Epoch) {
		panic("hub: internal error: invalid epoch")
	}
	h := &Hub{epoch: o.Epoch, inboxEvents: o.InboxEvents, inboxBytes: o.InboxBytes, starved: o.Starved}
	if h.inboxEvents <= 0 {
		h.inboxEvents = defaultInboxEvents
	}
	if h.inboxBytes <= 0 {
		h.inboxBytes = defaultInboxBytes
	}
	h.history.limits = o.History
	h.seq, h.before, h.history.floor = o.Seq, o.Seq, o.Seq
	h.setStreamLimits(o.QueueBytes, o.Slow, o.MessageBytes)
	return h
}

// ErrBusy means that some shard has no room for another message, or that there is no credit for it; nothing was published. Space says when
// it is worth trying again.
var ErrBusy = errors.New("too many messages are waiting to be delivered")

// Publish gives m its number and hands it to all shards. It never waits for them. The error is an
// *InvalidError, a *TooLargeError, ErrBusy or ErrClosed, and then nothing has changed.
func (h *Hub) Publish(now time.Time, m Message) (*Receipt, error) {
	if limit := int(h.messageBytes.Load()); len(m.Event.Data) > limit {
		return nil, &TooLargeError{Size: len(m.Event.Data), Limit: limit}
	}
	if h.isBusy() {
		return nil, ErrBusy // before the work of encoding: whoever waits comes again and again
	}
	rec, draft, err := m.prepare()
	if err != nil {
		return nil, err
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	id := sse.ID{Epoch: h.epoch, Seq: h.seq + 1}
	rec.finish(draft.Frame(id))
	if h.refuse(rec.size) {
		return nil, ErrBusy
	}
	h.credit -= rec.size
	h.seq = id.Seq
	h.history.append(now, 0, rec)
	h.history.sweep() // or it would pile up behind publishers who are faster than Trim
	receipt := newReceipt(id, len(h.shards))
	for _, s := range h.shards {
		s.inbox.push(delivery{rec, receipt})
	}
	return receipt, nil
}

// isBusy reports whether not even an empty message would be taken, and remembers that somebody waits.
func (h *Hub) isBusy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.closed && h.refuse(0)
}

// refuse reports whether any inbox has no room for size bytes, and remembers that somebody waits for it.
func (h *Hub) refuse(size int64) bool {
	busy := h.isStarved()
	if busy {
		h.starved()
	}
	for _, s := range h.shards {
		if !s.inbox.accepts(size, h.inboxEvents, h.inboxBytes) {
			s.inbox.refused, busy = true, true
		}
	}
	if busy && h.space == nil {
		h.space = make(chan struct{})
	}
	return busy
}

// SetCredit says how many bytes may be published until it is called again; the message that uses them up may be longer.
// While there is none, Publish returns ErrBusy. So who watches over the memory keeps publishers from using it up between
// two looks. It has a meaning only with Options.Starved.
func (h *Hub) SetCredit(bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.credit = bytes
	if bytes > 0 {
		h.announceSpace()
	}
}

func (h *Hub) isStarved() bool { return h.starved != nil && h.credit <= 0 }

// Space returns a channel that is closed when an inbox that made Publish return ErrBusy has made room, or there is credit.
// If that has already happened, the channel is closed already: no wake-up can be missed.
func (h *Hub) Space() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.space != nil {
		return h.space
	}
	ready := make(chan struct{})
	close(ready)
	return ready
}

// SetLimits replaces the limits that may change while running; they apply from the next message on, and
// to the history at once. Zero values mean what they mean in Options.
func (h *Hub) SetLimits(now time.Time, history HistoryLimits, queueBytes int, slow Policy, messageBytes int) {
	h.setStreamLimits(queueBytes, slow, messageBytes)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.limits = history
	h.history.trim(now)
}

func (h *Hub) setStreamLimits(queueBytes int, slow Policy, messageBytes int) {
	if queueBytes <= 0 {
		queueBytes = defaultQueueBytes
	}
	if messageBytes <= 0 {
		messageBytes = defaultMessageBytes
	}
	h.queueBytes.Store(int64(queueBytes))
	h.slow.Store(uint32(slow))
	h.messageBytes.Store(int64(messageBytes))
}

// Trim drops what has become too old for the history, and gives back a part of the memory of what has left it. It reports
// whether there is more of that: call it again then, but let others run in between. Once a second is enough.
func (h *Hub) Trim(now time.Time) (more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.trim(now)
	h.history.sweep()
	return h.history.left > 0
}

// HalveHistory drops the oldest half of the history, by bytes, and answers how many events that were: for when memory runs
// short. The memory comes back with Trim.
func (h *Hub) HalveHistory() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.history.halve()
}

// LastID is the id of the newest message; its number is 0 if there was none.
func (h *Hub) LastID() sse.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id(h.seq)
}

func (h *Hub) id(seq uint64) sse.ID { return sse.ID{Epoch: h.epoch, Seq: seq} }

// Stats are the figures of a Hub at one moment.
type Stats struct {
	Messages      uint64        // published here, not by an earlier hub
	HistoryEvents int           // kept now
	HistoryBytes  int64         // kept now, as counted against HistoryLimits.Bytes
	HistoryOldest time.Duration // age of the oldest event kept; 0 if there is none
}

// Stats returns the figures of now.
func (h *Hub) Stats(now time.Time) Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := Stats{Messages: h.seq - h.before, HistoryEvents: h.history.len(), HistoryBytes: h.history.bytes}
	if st.HistoryEvents > 0 {
		st.HistoryOldest = max(0, now.Sub(h.history.start)-h.history.at(0).at)
	}
	return st
}
