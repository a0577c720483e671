package hub

// groupKind is what the streams of a group have in common.
type groupKind uint8

const (
	everyGroup groupKind = iota // they are subscribed on this shard
	allGroup                    // they listen to every room
	roomGroup                   // they listen to the room of the group's name
	idGroup                     // their client has the group's name as its id, and they are several
)

// groupKeep is the room for members that a shrinking group keeps.
const groupKeep = 32

// group is a set of streams of one shard. The members lie side by side, so that walking them is
// fast. Each knows its place, so that leaving takes constant time.
type group struct {
	name    string
	kind    groupKind
	members []member
	first   [1]member // room for a single one, as many rooms have
}

// member is a stream in a group. slot is which of the stream's places is that in the group; see
// Stream.placeIn.
type member struct {
	st   *Stream
	slot int32
}

// membership is a group of a stream. pos is the place of the stream among the members of the group.
type membership struct {
	group *group
	pos   int32
}

// add makes a stream the last member.
func (g *group) add(st *Stream, slot int) {
	if g.members == nil {
		g.members = g.first[:0]
	}
	g.members = append(g.members, member{st, int32(slot)})
	if len(g.members) > len(g.first) {
		g.first = [1]member{} // they have moved
	}
	*st.placeIn(g, int32(slot)) = int32(len(g.members) - 1)
}

// remove takes out the member at pos; the last member takes its place. The other members before pos
// stay where they are; walks from the end to the beginning rely on that.
func (g *group) remove(pos int32) {
	last := len(g.members) - 1
	moved := g.members[last]
	g.members[pos] = moved
	*moved.st.placeIn(g, moved.slot) = pos
	g.members[last] = member{}
	g.members = g.members[:last]
	if cap(g.members) > groupKeep && last <= cap(g.members)/4 {
		g.members = append(make([]member, 0, cap(g.members)/2), g.members...)
	}
}

// last returns the last member before a place, and its place; nil if there is none, or no group.
func (g *group) last(before int) (st *Stream, place int) {
	if g == nil {
		return nil, 0
	}
	place = min(before, len(g.members)) - 1
	if place < 0 {
		return nil, 0
	}
	return g.members[place].st, place
}
