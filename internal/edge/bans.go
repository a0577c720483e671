package edge

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/edge/site"
)

// Selection names the streams to kick: those of a client id, those in a room, or all. Exactly one
// field is set.
type Selection struct {
	ID   string
	Room string
	All  bool
}

// maxBans bounds the table of refused selections. The ban that expires first makes room.
const maxBans = 10_000

// bans are the selections that were kicked with refuse_seconds.
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

// makeRoom drops expired bans or, if there are none, the one that expires first.
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

// refuses reports whether an active ban covers a subscription.
func (b *bans) refuses(now time.Duration, sub *site.Subscription) bool {
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
