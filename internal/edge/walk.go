package edge

import "context"

// Work on many streams (a kick of everybody, the end of a drain, a reload) is done by walks: a slice at the end of each
// turn, so that neither events nor publishers wait for all of it. Whatever is posted to a loop and takes a time that depends
// on the number of connections, rooms or streams belongs here, or copies out a page at a time.

// Costs of a walk's steps and bounds of a turn, in about 60 ns: as long as it takes to look at a connection that is in no
// cache.
const (
	walkBudget = 8192 // a turn, for all walks: about 0.5 ms
	lookCost   = 1
	timerCost  = 4  // to change a deadline
	failCost   = 4  // to note that a connection is to be closed
	endCost    = 48 // to end a stream, beside its rooms
	roomCost   = 10 // to leave a room, which may be the end of the room
)

// walks are those that one worker has to do.
type walks struct {
	wake  func() // the loop: a turn is needed
	going []*walk
}

// walk is one such work.
type walk struct {
	ctx  context.Context
	step func() (cost int, more bool) // does a bit
	done func()                       // after the last bit, or when ctx is done
}

// start has step called, some times a turn, until it reports that there is no more, and then done.
func (k *walks) start(ctx context.Context, step func() (cost int, more bool), done func()) {
	k.going = append(k.going, &walk{ctx, step, done})
	k.wake()
}

// run spends the turn's budget. It reports whether the next turn has to go on with it.
func (k *walks) run() (again bool) {
	if len(k.going) == 0 {
		return false
	}
	share := walkBudget / len(k.going)
	going := k.going
	k.going = nil // done may begin another
	for _, one := range going {
		if one.slice(share) {
			k.going = append(k.going, one)
		} else {
			one.done()
		}
	}
	return len(k.going) > 0
}

// slice does one turn's share, at least one step. It reports whether there is more.
func (k *walk) slice(budget int) (more bool) {
	if k.ctx.Err() != nil {
		return false
	}
	for more = true; more && budget > 0; {
		var cost int
		cost, more = k.step()
		budget -= cost
	}
	return more
}

// downwards goes through a dense list, from the last slot to the first. What is added in the meantime is not visited; what
// leaves moves a visited one down: none is missed, and some may be visited twice.
type downwards struct {
	next  int // slots below are still to be visited
	len   func() int
	visit func(slot int) (cost int)
}

func newDownwards(length func() int, visit func(slot int) (cost int)) *downwards {
	return &downwards{length(), length, visit}
}

// step visits one slot.
func (d *downwards) step() (cost int, more bool) {
	d.next = min(d.next, d.len()) - 1
	if d.next < 0 {
		return 0, false
	}
	return lookCost + d.visit(d.next), d.next > 0
}
