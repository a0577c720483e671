package hub

import (
	"strings"
	"time"

	"github.com/tidwall/btree"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// batchRecords is how many records a shard takes from its inbox at a time, so that a flood of small
// messages does not cost one lock each.
const batchRecords = 32

// Shard is the part of a Hub that belongs to one event loop: its streams, their rooms and their queues.
type Shard struct {
	// Fixed after creation.
	hub *Hub

	// Guarded by hub.mu.
	inbox inbox

	// Owned by the loop.
	everyone  group // all subscribed streams
	all       group // those of them that listen to every room
	rooms     table[string, *group]
	order     btree.Map[string, *group] // the same rooms, sorted, for prefixes
	ids       table[string, *group]
	batch     []delivery // taken from the inbox
	taken     int        // of batch; the rest waits
	fan       fanout
	bound     int // of queues, in bytes; refreshed by Deliver
	policy    Policy
	dropped   Dropped
	sent      uint64
	delivered uint64                        // bytes of the events that begin has taken
	queued    int64                         // bytes in the queues of all streams that were not released
	fannedOut uint64                        // bytes that were put into queues
	looked    uint64                        // places of the history that replays have looked at
	heads     []head                        // scratch of replays
	sorted    btree.MapIter[string, *group] // scratch of Deliver: a place in order
	sought    bool                          // sorted is where the last room was found
	newest    map[names.Target]struct{}     // scratch of the policy Latest
}

// NewShard adds a shard; it gets every message that is published from then on. wake is called with the
// lock of the hub held when the first message enters an empty inbox: it must only signal the loop.
func (h *Hub) NewShard(wake func()) *Shard {
	s := &Shard{
		hub:      h,
		inbox:    inbox{wake: wake},
		everyone: group{kind: everyGroup},
		all:      group{kind: allGroup},
		newest:   make(map[names.Target]struct{}),
	}
	s.sorted = s.order.Iter()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shards = append(h.shards, s)
	return s
}

// Subscription is what a stream asks for.
type Subscription struct {
	Rooms       []string // each passed names.CheckRoom; no doubles
	All         bool     // every room; Rooms is then ignored
	ClientID    string   // passed names.CheckClientID
	LastEventID string   // resume after this event; whatever the client sent; "" starts with what comes next
}

// Start says where a subscription begins.
type Start struct {
	ID  sse.ID     // for the preface: everything the stream gets has a higher number
	Gap *sse.Frame // not nil: the stream could not be resumed without a gap; already the first frame queued
}

// Subscribe makes st a member of its rooms and fixes the point where replay ends and live events begin.
// A stream that is subscribed is unsubscribed first. What is queued from an earlier subscription is
// discarded, except for the rest of a frame that Pop has begun.
func (s *Shard) Subscribe(now time.Time, st *Stream, sub Subscription) Start {
	if st.phase != unsubscribed {
		st.shard.Unsubscribe(st)
	}
	if st.shard != nil {
		st.shard.queued -= int64(st.queue.bytes)
	}
	st.queue.discard()
	st.hole = nil
	st.shard = s
	st.clientID = sub.ClientID
	s.join(st, sub)
	start := s.hub.start(now, st, sub.LastEventID)
	s.queued += int64(st.queue.bytes)
	return start
}

func (s *Shard) join(st *Stream, sub Subscription) {
	groups := 2 + len(sub.Rooms)
	if sub.All {
		groups = 3
	}
	st.memberships = make([]membership, 0, groups)
	s.everyone.add(st)
	if sub.ClientID != "" {
		named(&s.ids, idGroup, sub.ClientID).add(st)
	}
	if sub.All {
		s.all.add(st)
		return
	}
	for _, room := range sub.Rooms {
		g := named(&s.rooms, roomGroup, room)
		if len(g.members) == 0 {
			s.order.Set(g.name, g)
		}
		g.add(st)
	}
}

// named finds a group or adds it.
func named(groups *table[string, *group], kind groupKind, name string) *group {
	g, ok := groups.get(name)
	if !ok {
		// The name is often a piece of a request; the group must not keep the whole of it.
		name = strings.Clone(name)
		g = &group{name: name, kind: kind}
		groups.put(name, g)
	}
	return g
}

// Unsubscribe ends the subscription: no more events are queued, and a replay stops. What is queued can
// still be popped. Doing it twice is harmless.
func (s *Shard) Unsubscribe(st *Stream) {
	if st.phase == unsubscribed {
		return
	}
	for _, m := range st.memberships {
		m.group.remove(m.pos)
		if len(m.group.members) > 0 {
			continue
		}
		switch m.group.kind {
		case roomGroup:
			s.rooms.remove(m.group.name)
			s.order.Delete(m.group.name)
		case idGroup:
			s.ids.remove(m.group.name)
		case everyGroup, allGroup:
		}
	}
	st.memberships = nil
	st.setPhase(unsubscribed)
}

// Release throws away what is queued for a stream that is not subscribed, at its end. Doing it twice is harmless.
func (s *Shard) Release(st *Stream) {
	if st.phase != unsubscribed {
		panic("hub: internal error: a subscribed stream is released")
	}
	s.queued -= int64(st.queue.bytes)
	st.queue = queue{}
}

// QueuedBytes is how much waits in the queues of all streams, until they are released. Streams share the events, so it is
// far more than the memory that they take: it is what has still to be sent.
func (s *Shard) QueuedBytes() int64 { return s.queued }

// FannedOutBytes is how much was put into queues: each message as often as there were streams for it.
func (s *Shard) FannedOutBytes() uint64 { return s.fannedOut }

// Streams is the number of subscribed streams.
func (s *Shard) Streams() int { return len(s.everyone.members) }

// RoomCount is the number of streams that named the room. Those that listen to every room are not
// counted.
func (s *Shard) RoomCount(room string) int {
	if g, ok := s.rooms.get(room); ok {
		return len(g.members)
	}
	return 0
}

// RoomsPrefix visits the rooms whose name begins with prefix and comes behind after, sorted, until visit
// returns false. visit must not subscribe or unsubscribe.
func (s *Shard) RoomsPrefix(prefix, after string, visit func(room string, streams int) bool) {
	s.order.Ascend(max(prefix, after), func(name string, g *group) bool {
		if name == after {
			return true
		}
		return strings.HasPrefix(name, prefix) && visit(name, len(g.members))
	})
}

// WithID returns the last stream of that client id before a place in their list, and its place; nil if there is none. Who
// begins with a number that is too high, and goes on with the places returned, meets all that stay subscribed meanwhile;
// some of them twice, if others leave.
func (s *Shard) WithID(id string, before int) (st *Stream, place int) {
	g, _ := s.ids.get(id)
	return g.last(before)
}

// InRoom is WithID for the streams that named the room.
func (s *Shard) InRoom(room string, before int) (st *Stream, place int) {
	g, _ := s.rooms.get(room)
	return g.last(before)
}

// ReplayWork is how many places of the history replays have looked at, in Subscribe and Pop: by its growth a caller bounds
// how long replays keep others waiting. A thousand take about as long as ten short writes.
func (s *Shard) ReplayWork() uint64 { return s.looked }

// Sent is the number of events that were popped whole from the streams of this shard.
func (s *Shard) Sent() uint64 { return s.sent }

// Dropped counts the events that streams of this shard did not get, by reason.
func (s *Shard) Dropped() Dropped { return s.dropped }
