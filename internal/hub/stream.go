package hub

import "github.com/hassesd/hassesd/internal/sse"

// Owner carries a stream to its client. The methods are called on the shard's loop, from Deliver. They
// may use the queue side of the stream (Pop, Empty, …) but must not subscribe or unsubscribe any stream.
type Owner interface {
	// Queued says that an event was appended to the queue, so that the owner marks the stream for
	// flushing. matched is how many streams of this shard the event is for at most; it is exact for an
	// event to one room.
	Queued(st *Stream, matched int)
	// Blocked reports whether the socket really does not take bytes now. If it only was not this
	// stream's turn yet, it is not judged: its queue may grow over the bound, by as much as the caller
	// lets Deliver take in between two flushes.
	Blocked(st *Stream) bool
	// Overflow says that the stream was too slow and gets no more events: it must be ended, but not
	// before Deliver has returned. It is called once per subscription.
	Overflow(st *Stream)
}

// phase is the life of a stream. It begins and ends with unsubscribed.
type phase uint8

const (
	unsubscribed phase = iota // in no room; what is queued can still be popped
	replaying                 // gets history, pulled by Pop; what is delivered meanwhile comes that way too
	live                      // gets what is delivered
	overflowed                // was too slow under the policy Close; gets nothing more
)

// Stream is one subscriber. It is embedded by value in what carries it; its zero value, with Owner set,
// is ready for Subscribe. It must not be copied while subscribed.
type Stream struct {
	// Owned by the loop of the shard, but for Owner, which is fixed while subscribed. What each event needs comes
	// first, in as few cache lines as can be.
	seen    uint64 // number of the newest delivery that was looked at
	after   uint64 // everything up to this number came by replay, or was not to come
	queue   queue
	Owner   Owner
	phase   phase
	hole    *hole
	shard   *Shard // of the latest subscription
	last    uint64 // number of the last event popped whole, or where the subscription started
	sent    uint64
	dropped uint64

	// Fixed while subscribed.
	clientID    string
	memberships []membership
}

// hole is what the policy DropOldest took out of a queue, in front of the first event that is not
// partly sent.
type hole struct {
	from uint64 // number of the last event before it
	to   uint64 // number of the last event in it
}

// setPhase is the only place where the phase changes. Entering unsubscribed leaves no subscription
// behind, entering any other needs one.
func (st *Stream) setPhase(p phase) {
	if (p == unsubscribed) != (len(st.memberships) == 0) {
		panic("hub: internal error: phase and memberships of a stream disagree")
	}
	st.phase = p
}

// Pop appends up to limit bytes of what is to be sent to dst: whole frames as long as they fit; a frame
// longer than limit in pieces of limit bytes. While a replay is going on, it takes more from the history as
// the queue drains. If it appends nothing, the stream is Empty, or a replay has passed over so much that is not for this
// client that others come first: then Pop is to be called again.
func (st *Stream) Pop(dst []byte, limit int) []byte {
	room, queued := limit, st.queue.bytes
	for room > 0 && (st.queue.n > 0 || st.refill(room)) {
		gap := st.dueGap()
		next := st.queue.next()
		if gap != nil {
			next = gap.Len()
		}
		if next > room && room < limit {
			break
		}
		if gap != nil {
			st.queue.pushFront(item{frame: gap})
			st.last = st.hole.to
			st.hole = nil
		}
		before := len(dst)
		var done item
		dst, done = st.queue.read(dst, room)
		room -= len(dst) - before
		st.count(done)
	}
	if st.queue.n == 0 && st.phase != replaying {
		st.queue.release()
	}
	st.account(st.queue.bytes - queued)
	return dst
}

// dueGap returns the frame that must be sent before the next one, or nil.
func (st *Stream) dueGap() *sse.Frame {
	if st.hole == nil || st.queue.offset > 0 || st.queue.at(0).rec == nil {
		return nil
	}
	hub := st.shard.hub
	return sse.Gap(hub.id(st.hole.from).String(), hub.id(st.hole.to))
}

// count notes a frame that was popped whole.
func (st *Stream) count(it item) {
	if it.rec == nil {
		return
	}
	st.last = it.frame.Seq()
	st.sent++
	st.shard.sent++
}

// lose notes that the event of that number was dropped. It is the oldest one that is not partly sent.
func (st *Stream) lose(seq uint64) {
	if st.hole == nil {
		st.hole = &hole{from: st.last}
		if first := st.queue.at(0); st.queue.offset > 0 && first.rec != nil {
			st.hole.from = first.frame.Seq()
		}
	}
	st.hole.to = seq
}

// Push queues a frame that is not an event, such as a heartbeat, if the stream is Empty; otherwise the
// stream is not silent, and nothing happens.
func (st *Stream) Push(f *sse.Frame) {
	if st.Empty() {
		st.queue.push(item{frame: f})
		st.account(f.Len())
	}
}

// account tells the shard that the queue has grown.
func (st *Stream) account(bytes int) {
	if st.shard != nil {
		st.shard.queued += int64(bytes)
	}
}

// Empty reports whether there is nothing to send: nothing is queued, and no replay is going on.
func (st *Stream) Empty() bool { return st.queue.n == 0 && st.phase != replaying }

// QueueBytes is the length of what is queued, without what a replay has still to bring.
func (st *Stream) QueueBytes() int { return st.queue.bytes }

// Sent is the number of events that were popped whole, over all subscriptions of the stream.
func (st *Stream) Sent() uint64 { return st.sent }

// Dropped is the number of events that the policy for slow streams took from the stream, over all its subscriptions.
func (st *Stream) Dropped() uint64 { return st.dropped }

// ClientID is the id the client gave itself, or "".
func (st *Stream) ClientID() string { return st.clientID }

// Memberships is in how many lists of its shard the stream is, which is what it costs to unsubscribe: its rooms, and one or two
// more. It is 0 without a subscription.
func (st *Stream) Memberships() int { return len(st.memberships) }

// Rooms lists the rooms the stream is subscribed to, in the order it named them. It is empty if All is
// true.
func (st *Stream) Rooms() []string {
	rooms := make([]string, 0, len(st.memberships))
	for _, m := range st.memberships {
		if m.group.kind == roomGroup {
			rooms = append(rooms, m.group.name)
		}
	}
	return rooms
}

// All reports whether the stream listens to every room.
func (st *Stream) All() bool {
	for _, m := range st.memberships[:min(3, len(st.memberships))] {
		if m.group.kind == allGroup {
			return true
		}
	}
	return false
}
