package hub

// groupKind says what the streams of a group have in common.
type groupKind uint8

const (
	everyGroup groupKind = iota // they are subscribed on this shard
	allGroup                    // they listen to every room
	roomGroup                   // they listen to the room of the group's name
	idGroup                     // their client has the group's name as its id
)

// groupKeep is the room for members that a shrinking group keeps.
const groupKeep = 32

// group is a set of streams of one shard. The members lie side by side, so that walking them is fast;
// each knows its place, so that leaving costs constant time.
type group struct {
	name    string
	kind    groupKind
	members []member
}

// member is a stream in a group; slot is the place of the group among the memberships of the stream.
type member struct {
	st   *Stream
	slot int
}

// membership is a group of a stream; pos is the place of the stream among the members of the group.
type membership struct {
	group *group
	pos   int
}

func (g *group) add(st *Stream) {
	st.memberships = append(st.memberships, membership{g, len(g.members)})
	g.members = append(g.members, member{st, len(st.memberships) - 1})
}

// remove takes out the member at pos; the last member takes its place. The other members before pos stay
// where they are, which walks from the end to the beginning rely on.
func (g *group) remove(pos int) {
	last := len(g.members) - 1
	moved := g.members[last]
	g.members[pos] = moved
	moved.st.memberships[moved.slot].pos = pos
	g.members[last] = member{}
	g.members = g.members[:last]
	if cap(g.members) > groupKeep && last <= cap(g.members)/4 {
		g.members = append(make([]member, 0, cap(g.members)/2), g.members...)
	}
}

// visit calls fn for the members until it returns false. fn may unsubscribe the stream it is given.
func (g *group) visit(fn func(*Stream) bool) {
	for i := len(g.members) - 1; i >= 0; i-- {
		if i < len(g.members) && !fn(g.members[i].st) {
			return
		}
	}
}
