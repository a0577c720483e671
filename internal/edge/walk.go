package edge

import "context"

// Walks do work on many streams (a kick of all, a drain, a reload) in slices at the end of each
// turn, so that neither events nor publishers wait for all of it. Any work posted to a loop whose
// time depends on the number of connections, rooms or streams must be a walk, or copy one page at a
// time.

// Costs of steps and the budget of a turn. The unit is about 60 ns: the time to examine a
// connection that is not cached.
const (
	walkBudget = 8192 // a turn, for all walks: about 0.5 ms
	lookCost   = 1
	timerCost  = 4  // to change a deadline
	failCost   = 4  // to note that a connection is to be closed
	endCost    = 48 // to end a stream, beside its rooms
	roomCost   = 10 // to leave a room, which may be the end of the room
)

// walks are the walks of one worker.
type walks struct {
	wake  func() // the loop: a turn is needed
	going []*walk
}

// walk is one piece of work.
type walk struct {
	ctx  context.Context
	step func() (cost int, more bool) // does a bit
	done func()                       // after the last bit, or when ctx is done
}

// start adds a walk: step is called several times per turn until it reports that there is no more,
// and then done.
func (k *walks) start(ctx context.Context, step func() (cost int, more bool), done func()) {
	k.going = append(k.going, &walk{ctx, step, done})
	k.wake()
}

// run spends the turn's budget, and reports whether work is left for the next turn.
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

// slice does one turn's share, at least one step, and reports whether there is more.
func (k *walk) slice(budget int) (more bool) {
	if k.ctx.Err() != nil {
		return false
	}
	cost, more := k.step()
	for spent := cost; more && spent < budget; spent += cost {
		cost, more = k.step()
	}
	return more
}

// endings are streams or connections that one walk ends, the last one first: thousands may be added at
// one time. A walk for each would exceed the turn's budget, as every walk makes at least one step in
// a turn.
type endings[T any] struct {
	// Fixed after creation.
	walks *walks
	end   func(T) (cost int, more bool) // ends one, or a part of it

	left    []T
	walking bool
}

// add has one ended in one of the next turns.
func (e *endings[T]) add(one T) {
	e.left = append(e.left, one)
	if !e.walking {
		e.walking = true
		e.walks.start(context.Background(), e.step, func() { e.left, e.walking = nil, false })
	}
}

// step is the step of the walk.
func (e *endings[T]) step() (cost int, more bool) {
	var none T
	last := len(e.left) - 1
	one := e.left[last]
	e.left[last] = none
	e.left = e.left[:last]
	if cost, more = e.end(one); more {
		e.left = append(e.left, one)
	}
	return cost, len(e.left) > 0
}

// downwards visits a dense list from the last slot to the first. Members that are added meanwhile
// are not visited. One that leaves is replaced by one already visited, so none is missed, and some
// may be visited twice.
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
