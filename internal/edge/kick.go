package edge

import (
	"context"
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
// streams were ended.
func (s *Server) Kick(ctx context.Context, sel Selection, refuse time.Duration) (int, error) {
	total := 0
	for _, w := range s.workers {
		n := 0
		err := w.ask(ctx, func() {
			if refuse > 0 {
				s.bans.add(w.now(), sel, refuse) // before the end of the streams: they come back at once
			}
			n = w.kick(sel)
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

func (w *worker) kick(sel Selection) int {
	var found []*conn // ended afterwards: ending changes what is being walked
	collect := func(st *hub.Stream) bool {
		if c, ok := st.Owner.(*conn); ok && c.state == stateStreaming && !c.doomed {
			found = append(found, c)
		}
		return true
	}
	switch {
	case sel.All:
		for _, c := range w.conns {
			collect(&c.stream)
		}
	case sel.Room != "":
		w.shard.ByRoom(sel.Room, collect)
	default:
		w.shard.ByID(sel.ID, collect)
	}
	retry := w.srv.config().Retry
	for _, c := range found {
		c.end(Kicked, sse.Farewell(w.jitter(retry)))
	}
	return len(found)
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
