// Package hubtest has streams for tests of what publishes to a hub.
package hubtest

import (
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

// owner is that of a stream that nobody reads.
type owner struct{ hub.Stream }

// Queued implements hub.Owner.
func (*owner) Queued(*hub.Stream, int) {}

// Blocked implements hub.Owner.
func (*owner) Blocked(*hub.Stream) bool { return false }

// Overflow implements hub.Owner.
func (*owner) Overflow(*hub.Stream) {}

// Subscribe has a stream of a shard listen to rooms, so that their messages are for that shard.
func Subscribe(s *hub.Shard, now time.Time, rooms ...string) {
	o := new(owner)
	o.Owner = o
	s.Subscribe(now, &o.Stream, hub.Subscription{Rooms: rooms})
}
