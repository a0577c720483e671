package edge

import "context"

// Work on many connections (a kick of everybody, the end of a drain, a reload) is done by walks: a slice at the end of each
// turn, so that neither events nor publishers wait for all of it. Whatever is posted to a loop and is not done in a time
// that does not depend on the number of connections, rooms or streams belongs here, or copies out a page at a time.

// Costs of a walk's steps and bounds of a turn, in about 60 ns: as long as it takes to look at a connection that is in no
// cache.
const (
	walkBudget = 8192 // a turn, for all walks: about 0.5 ms
	lookCost   = 1
	timerCost  = 4  // to change a deadline
	failCost   = 4  // to note down that a connection is to be closed
	endCost    = 48 // to end a stream, beside its rooms
	roomCost   = 10 // to leave a room, which may be the end of the room
)

// walk is one such work. All of it runs on the loop.
type walk struct {
	ctx  context.Context
	step func() (cost int, more bool) // does a bit
	done func()                       // after the last bit, or when ctx is done
}

// walk has step called, some times a turn, until it reports that there is no more, and then done.
func (w *worker) walk(ctx context.Context, step func() (cost int, more bool), done func()) {
	w.walks = append(w.walks, &walk{ctx, step, done})
	w.loop.Wake()
}

// walkOn spends the turn's budget. It answers whether the next turn has to go on with it.
func (w *worker) walkOn() (again bool) {
	if len(w.walks) == 0 {
		return false
	}
	share := walkBudget / len(w.walks)
	going := w.walks
	w.walks = nil // done may begin another
	for _, k := range going {
		if k.slice(share) {
			w.walks = append(w.walks, k)
		} else {
			k.done()
		}
	}
	return len(w.walks) > 0
}

// slice does one turn's share, at least one step. It answers whether there is more.
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

// overConns goes through the worker's connections, from the last to the first. Connections that come in the meantime are
// not visited, closed ones move a visited one down: none is missed, and some may be visited twice.
type overConns struct {
	w     *worker
	next  int // those below are still to be visited
	visit func(*conn) (cost int)
}

func (w *worker) overConns(visit func(*conn) (cost int)) *overConns {
	return &overConns{w, len(w.conns), visit}
}

// step visits one connection.
func (o *overConns) step() (cost int, more bool) {
	o.next = min(o.next, len(o.w.conns)) - 1
	if o.next < 0 {
		return 0, false
	}
	return lookCost + o.visit(o.w.conns[o.next]), o.next > 0
}

// endingCost is what it costs to end the connection's stream.
func (c *conn) endingCost() int { return endCost + roomCost*c.stream.Memberships() }
