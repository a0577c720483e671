package hub

// Owner carries a stream to its client. The methods are called on the shard's loop, from Deliver.
// They may use the queue side of the stream (Pop, Empty, …) but must not subscribe or unsubscribe
// any stream.
type Owner interface {
	// Queued is called when an event was appended to the queue, so that the owner marks the stream
	// for flushing. recipients is how many streams of this shard the event is for at most; it is
	// exact for an event to one room.
	Queued(st *Stream, recipients int)
	// Blocked reports whether the socket really takes no bytes now. A stream whose turn has not
	// come yet is not blocked: its queue may grow over the bound, by as much as the caller lets
	// Deliver take in between two flushes.
	Blocked(st *Stream) bool
	// Overflow is called when the stream was too slow and gets no more events: it must be ended,
	// but not before Deliver has returned. It is called once per subscription.
	Overflow(st *Stream)
}

// phase is the life of a stream. It begins and ends with unsubscribed.
type phase uint8

const (
	unsubscribed phase = iota // in no room; what is queued can still be popped
	replaying                 // gets history, pulled by Pop; what is delivered meanwhile comes that way too
	live                      // gets what is delivered
	ahead                     // live, but its client knows more than this hub; gets what comes after that
	overflowed                // was too slow under the policy Close; gets nothing more
)

// Stream is one subscriber. It is embedded by value in what carries it; its zero value, with Owner
// set, is ready for Subscribe. It must not be copied while subscribed.
type Stream struct {
	// Owned by the loop of the shard, but for Owner, which is fixed while subscribed. Fields used
	// by every delivery come first, so that a delivery touches few cache lines.
	seen     uint64 // number of the newest delivery that was looked at
	after    uint64 // everything up to this number came by replay, or was not to come
	queue    queue
	Owner    Owner
	phase    phase
	isMember bool // of the groups below
	dropped  uint32
	gap      *gap
	shard    *Shard // of the latest subscription
	last     uint64 // number of the last event popped whole, or where the subscription started
	sent     uint64

	// Fixed while subscribed, but for the places, which change when other streams leave.
	clientID   string        // the latest subscription's
	place      int32         // among all streams of the shard
	placeOfID  int32         // among those of the client id, if there are several
	room       membership    // the first of its rooms, or of those that listen to every room
	otherRooms *[]membership // nil: one room or none. Most streams have no more, and save an object
}

// rooms yields the memberships in rooms, or that of those that listen to every room.
func (st *Stream) rooms(yield func(membership) bool) {
	if st.room.group == nil || !yield(st.room) || st.otherRooms == nil {
		return
	}
	for _, m := range *st.otherRooms {
		if !yield(m) {
			return
		}
	}
}

// placeIn returns where the stream keeps its place in a group. slot is which of its rooms that is.
func (st *Stream) placeIn(g *group, slot int32) *int32 {
	switch g.kind {
	case everyGroup:
		return &st.place
	case idGroup:
		return &st.placeOfID
	case allGroup, roomGroup:
	}
	if slot == 0 {
		return &st.room.pos
	}
	return &(*st.otherRooms)[slot-1].pos
}

// gap is what the policy DropOldest took out of a queue, in front of the first event that is not
// partly sent.
type gap struct {
	from uint64 // number of the last event before it
	to   uint64 // number of the last event in it
}

// setPhase is the only place where the phase changes. Entering unsubscribed leaves no subscription
// behind, entering any other needs one.
func (st *Stream) setPhase(p phase) {
	if (p == unsubscribed) == st.isMember {
		panic("hub: internal error: phase and memberships of a stream disagree")
	}
	st.phase = p
}

// Empty reports whether there is nothing to send: nothing is queued, and no replay is going on.
func (st *Stream) Empty() bool { return st.queue.n == 0 && st.phase != replaying }

// QueueBytes returns the length of what is queued, without what a replay has still to bring.
func (st *Stream) QueueBytes() int { return st.queue.bytes }

// Sent returns the number of events that were popped whole, over all subscriptions of the stream.
func (st *Stream) Sent() uint64 { return st.sent }

// Dropped returns the number of events that the policy for slow streams took from the stream, over
// all its subscriptions.
func (st *Stream) Dropped() uint64 { return uint64(st.dropped) }

// ClientID returns the id the client gave itself, or "".
func (st *Stream) ClientID() string { return st.clientID }

// Memberships returns in how many lists of its shard the stream is: its rooms, and one or two more.
// It is what unsubscribing costs, and 0 without a subscription.
func (st *Stream) Memberships() int {
	if !st.isMember {
		return 0
	}
	n := 1
	if st.clientID != "" {
		n++
	}
	for range st.rooms {
		n++
	}
	return n
}

// Rooms returns the rooms the stream is subscribed to, in the order it named them. It is empty if
// All is true.
func (st *Stream) Rooms() []string {
	rooms := make([]string, 0, st.Memberships())
	for m := range st.rooms {
		if m.group.kind == roomGroup {
			rooms = append(rooms, m.group.name)
		}
	}
	return rooms
}

// All reports whether the stream listens to every room.
func (st *Stream) All() bool { return st.room.group != nil && st.room.group.kind == allGroup }
