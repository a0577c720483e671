package hub

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/hassesd/hassesd/internal/names"
)

// Costs in streams that are touched, which take 60 ns each with nothing in the cache.
const (
	findCost = 1 // to find a room by its name, or the one behind it
	seekCost = 8 // to find the first room of a prefix
)

// fanout is a record on its way to the streams of a shard. It can rest between any two streams,
// while others subscribe and unsubscribe: members are walked from the last to the first, so that
// a member that is moved when another leaves has been visited or will be. Stream.seen tells those
// that are met twice.
type fanout struct {
	delivery          // rec is nil: none
	maxRecipients int // no more than so many streams of this shard are met
	matched       int
	step          int    // the target being served; after the last one, the streams that listen to every room
	room          *group // the last one found of the prefix that is being served; nil: none yet
	group         *group // being walked
	next          int    // members of it before this one are still to be visited
}

// isDone reports whether all groups of the record were walked.
func (f *fanout) isDone() bool { return f.next == 0 && f.step > len(f.rec.to) }

// nextGroup goes on to the next group of streams that may be for the record, or to the next of its
// targets, and returns what that cost.
func (f *fanout) nextGroup(d *directory, at *roomCursor) (cost int) {
	cost, f.group = findCost, &d.all // behind all targets
	if f.step < len(f.rec.to) {
		switch t := f.rec.to[f.step]; t.Kind {
		case names.Room:
			f.group = d.rooms.m[t.Name]
		case names.Prefix:
			f.room, cost = at.after(t.Name, f.room)
			f.group = f.room
		case names.All:
			f.group = &d.everyone
		}
	}
	if f.room == nil {
		f.step++
	}
	if f.group != nil {
		f.next = len(f.group.members)
	}
	return cost
}

// take returns the next members of the group to be visited, up to n of them, from the last to the
// first. They stay where they are until a stream subscribes or unsubscribes.
func (f *fanout) take(n int) []member {
	end := min(f.next, len(f.group.members))
	f.next = max(0, end-n)
	return f.group.members[f.next:end]
}

// roomCursor finds the rooms of a prefix one after the other, in the order of a directory.
type roomCursor struct {
	rooms   btree.MapIter[string, *group]
	isThere bool // rooms is where the last room was found
}

// reset is called when rooms may have come and gone.
func (c *roomCursor) reset() { c.isThere = false }

// after returns the first room of the prefix, or the one that follows last by name; nil if there is
// none. Until reset the rooms stay as they are, and the next one is found from the last.
func (c *roomCursor) after(prefix string, last *group) (room *group, cost int) {
	cost = findCost
	var found bool
	if last != nil && c.isThere {
		found = c.rooms.Next()
	} else {
		cost, c.isThere = seekCost, true
		pivot := prefix
		if last != nil {
			pivot = last.name
		}
		found = c.rooms.Seek(pivot)
		if found && last != nil && c.rooms.Key() == last.name {
			found = c.rooms.Next()
		}
	}
	if !found || !strings.HasPrefix(c.rooms.Key(), prefix) {
		return nil, cost
	}
	return c.rooms.Value(), cost
}
