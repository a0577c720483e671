package hub

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/hassesd/hassesd/internal/names"
)

// directory finds the streams of a shard: by room, by prefix and by client id. All of it is owned
// by the loop.
type directory struct {
	everyone group // all subscribed streams
	all      group // those of them that listen to every room
	rooms    table[string, *group]
	order    btree.Map[string, *group] // the same rooms, sorted, for prefixes
	ids      table[string, *Stream]    // one stream of each client id
	shared   table[string, *group]     // all streams of an id that has several
}

func newDirectory() directory {
	return directory{everyone: group{kind: everyGroup}, all: group{kind: allGroup}}
}

// join makes st a member of what it subscribes to.
func (d *directory) join(st *Stream, sub Subscription) {
	st.isMember = true
	d.everyone.add(st, 0)
	d.addID(st, sub.ClientID)
	switch {
	case sub.All:
		st.room.group = &d.all
	case len(sub.Rooms) > 0:
		st.room.group = d.roomNamed(sub.Rooms[0])
		if more := sub.Rooms[1:]; len(more) > 0 {
			others := make([]membership, len(more))
			for i, room := range more {
				others[i].group = d.roomNamed(room)
			}
			st.otherRooms = &others
		}
	}
	slot := 0
	for m := range st.rooms {
		m.group.add(st, slot)
		slot++
	}
}

// roomNamed finds the group of a room or adds it. It must get a member.
func (d *directory) roomNamed(room string) *group {
	g, ok := d.rooms.get(room)
	if !ok {
		// The name is often a piece of a request; the group must not keep the whole of it.
		room = strings.Clone(room)
		g = &group{name: room, kind: roomGroup}
		d.rooms.put(room, g)
		d.order.Set(room, g)
	}
	return g
}

// addID notes the client id of st; "" is none. Most ids have one stream, which need no group.
func (d *directory) addID(st *Stream, id string) {
	st.clientID = ""
	if id == "" {
		return
	}
	other, ok := d.ids.get(id)
	if !ok {
		st.clientID = strings.Clone(id) // and not a piece of the request
		d.ids.put(st.clientID, st)
		return
	}
	st.clientID = other.clientID
	g, ok := d.shared.get(id)
	if !ok {
		g = &group{name: st.clientID, kind: idGroup}
		d.shared.put(g.name, g)
		g.add(other, 0)
	}
	g.add(st, 0)
}

// removeID undoes addID.
func (d *directory) removeID(st *Stream) {
	id := st.clientID
	if id == "" {
		return
	}
	g, ok := d.shared.get(id)
	if !ok {
		d.ids.remove(id)
		return
	}
	g.remove(st.placeOfID)
	d.ids.put(id, g.members[0].st)
	if len(g.members) == 1 {
		d.shared.remove(id)
	}
}

// leave ends all memberships of st.
func (d *directory) leave(st *Stream) {
	d.everyone.remove(st.place)
	d.removeID(st)
	for m := range st.rooms {
		m.group.remove(m.pos)
		if len(m.group.members) == 0 && m.group.kind == roomGroup {
			d.rooms.remove(m.group.name)
			d.order.Delete(m.group.name)
		}
	}
	st.isMember, st.room, st.otherRooms = false, membership{}, nil
}

// maxRecipients returns an upper bound of the streams that rec is for. It is exact for a single
// room.
func (d *directory) maxRecipients(rec *record) int {
	n := len(d.all.members)
	for _, t := range rec.to {
		switch t.Kind {
		case names.Room:
			n += d.RoomCount(t.Name)
		case names.Prefix, names.All:
			return d.Streams()
		}
	}
	return min(n, d.Streams())
}

// Streams returns the number of subscribed streams.
func (d *directory) Streams() int { return len(d.everyone.members) }

// RoomCount returns the number of streams that named the room. Those that listen to every room are
// not counted.
func (d *directory) RoomCount(room string) int {
	if g, ok := d.rooms.get(room); ok {
		return len(g.members)
	}
	return 0
}

// RoomsPrefix visits the rooms whose name begins with prefix and comes behind after, sorted, until
// visit returns false. visit must not subscribe or unsubscribe.
func (d *directory) RoomsPrefix(prefix, after string, visit func(room string, streams int) bool) {
	d.order.Ascend(max(prefix, after), func(name string, g *group) bool {
		if name == after {
			return true
		}
		return strings.HasPrefix(name, prefix) && visit(name, len(g.members))
	})
}

// WithID returns the last stream of that client id before a place in their list, and its place; nil
// if there is none. A caller that begins with a number that is too high, and goes on with the places
// returned, meets all streams that stay subscribed meanwhile, some of them twice if others leave.
func (d *directory) WithID(id string, before int) (st *Stream, place int) {
	if g, ok := d.shared.get(id); ok {
		return g.last(before)
	}
	if st, ok := d.ids.get(id); ok && before > 0 {
		return st, 0
	}
	return nil, 0
}

// InRoom is WithID for the streams that named the room.
func (d *directory) InRoom(room string, before int) (st *Stream, place int) {
	g, _ := d.rooms.get(room)
	return g.last(before)
}
