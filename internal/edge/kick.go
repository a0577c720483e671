package edge

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/sse"
)

// Selection names the streams to kick: those of a client id, those in a room, or all. Exactly one field is set.
type Selection struct {
	ID   string
	Room string
	All  bool
}

// Kick ends the selected streams and, for as long as refuse says, refuses the same selection. It answers how many
// streams were ended. Streams that come while it goes on may be ended, too, or not.
func (s *Server) Kick(ctx context.Context, sel Selection, refuse time.Duration) (int, error) {
	if refuse > 0 { // before the end of the streams: they come back at once
		w := s.workers[0]
		if err := w.ask(ctx, func() { s.bans.add(w.now(), sel, refuse) }); err != nil {
			return 0, err
		}
	}
	total := 0
	for _, w := range s.workers {
		n, err := w.kick(ctx, sel)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// kick ends the worker's streams of the selection, a slice a turn, and answers how many. It stops when ctx is done.
func (w *worker) kick(ctx context.Context, sel Selection) (int, error) {
	kicked := make(chan int, 1)
	err := w.loop.PostWait(ctx, func() {
		n := 0
		w.walk(ctx, w.selected(sel, func(c *conn) int {
			if c.state != stateStreaming || c.doomed {
				return 0
			}
			n++
			cost := c.endingCost()
			c.end(Kicked, sse.Farewell(w.jitter(w.srv.config().Retry)))
			return cost
		}), func() { kicked <- n })
	})
	if err != nil {
		return 0, err
	}
	select {
	case n := <-kicked:
		return n, ctx.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// selected is the step of a walk that visits the streams of the selection.
func (w *worker) selected(sel Selection, visit func(*conn) (cost int)) func() (cost int, more bool) {
	if sel.All {
		return w.overConns(visit).step
	}
	next := math.MaxInt
	return func() (cost int, more bool) {
		var st *hub.Stream
		if sel.Room != "" {
			st, next = w.shard.InRoom(sel.Room, next)
		} else {
			st, next = w.shard.WithID(sel.ID, next)
		}
		if st == nil {
			return lookCost, false
		}
		if c, ok := st.Owner.(*conn); ok {
			cost = visit(c)
		}
		return lookCost + cost, next > 0
	}
}

// maxBans bounds the table of refused selections; the one that ends first makes room.
const maxBans = 10_000

// bans are the selections that were kicked with a time to stay away.
type bans struct {
	n  atomic.Int32 // len(until): the common case of none costs no lock
	mu sync.Mutex
	// guarded by mu
	until map[Selection]time.Duration // since the server's start
}

func (b *bans) add(now time.Duration, sel Selection, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = make(map[Selection]time.Duration)
	}
	if len(b.until) >= maxBans {
		b.makeRoom(now)
	}
	b.until[sel] = now + d
	b.n.Store(int32(len(b.until)))
}

// makeRoom drops what is over and, if nothing is, what would be over first.
func (b *bans) makeRoom(now time.Duration) {
	var first Selection
	var firstEnd time.Duration
	for sel, end := range b.until {
		if end <= now {
			delete(b.until, sel)
		} else if firstEnd == 0 || end < firstEnd {
			first, firstEnd = sel, end
		}
	}
	if len(b.until) >= maxBans {
		delete(b.until, first)
	}
}

// refuses says whether a subscription falls under a ban that is still in force.
func (b *bans) refuses(now time.Duration, sub *subscription) bool {
	if b.n.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active(now, Selection{All: true}) || sub.ID != "" && b.active(now, Selection{ID: sub.ID}) {
		return true
	}
	for _, room := range sub.Rooms {
		if b.active(now, Selection{Room: room}) {
			return true
		}
	}
	return false
}

func (b *bans) active(now time.Duration, sel Selection) bool {
	end, ok := b.until[sel]
	if ok && end <= now {
		delete(b.until, sel)
		b.n.Store(int32(len(b.until)))
		return false
	}
	return ok
}
