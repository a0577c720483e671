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
	ids      table[string, *group]
}

func newDirectory() directory {
	return directory{everyone: group{kind: everyGroup}, all: group{kind: allGroup}}
}

// join makes st a member of what it subscribes to.
func (d *directory) join(st *Stream, sub Subscription) {
	groups := 2 + len(sub.Rooms)
	if sub.All {
		groups = 3
	}
	st.memberships = st.few[:0]
	if groups > fewMemberships {
		st.memberships = make([]membership, 0, groups)
	}
	d.everyone.add(st)
	if sub.ClientID != "" {
		g := named(&d.ids, idGroup, sub.ClientID)
		st.clientID = g.name // and not a piece of the request
		g.add(st)
	}
	if sub.All {
		d.all.add(st)
		return
	}
	for _, room := range sub.Rooms {
		g := named(&d.rooms, roomGroup, room)
		if len(g.members) == 0 {
			d.order.Set(g.name, g)
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

// leave ends all memberships of st.
func (d *directory) leave(st *Stream) {
	for _, m := range st.memberships {
		m.group.remove(m.pos)
		if len(m.group.members) > 0 {
			continue
		}
		switch m.group.kind {
		case roomGroup:
			d.rooms.remove(m.group.name)
			d.order.Delete(m.group.name)
		case idGroup:
			d.ids.remove(m.group.name)
		case everyGroup, allGroup:
		}
	}
	st.memberships, st.few = nil, [fewMemberships]membership{}
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
	g, _ := d.ids.get(id)
	return g.last(before)
}

// InRoom is WithID for the streams that named the room.
func (d *directory) InRoom(room string, before int) (st *Stream, place int) {
	g, _ := d.rooms.get(room)
	return g.last(before)
}
