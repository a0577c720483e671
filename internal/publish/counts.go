package publish

import (
	"sync/atomic"
	"time"
)

// Stats are the figures of a Publisher at one moment. They only grow.
type Stats struct {
	Doors   [doors]DoorStats // indexed by Door
	Held    uint64           // messages that waited for the pace of their source
	HeldFor time.Duration    // in all
}

// DoorStats are what became of the messages of one door.
type DoorStats struct {
	Published uint64
	Repeated  uint64           // not published, because they had been before, under the same key
	Refused   [refusals]uint64 // indexed by Refusal
}

// counts are the counters behind Stats.
type counts struct {
	doors [doors]struct {
		published atomic.Uint64
		repeated  atomic.Uint64
		refused   [refusals]atomic.Uint64
	}
	held    atomic.Uint64
	heldFor atomic.Int64 // nanoseconds
}

func (c *counts) publish(d Door) { c.doors[d].published.Add(1) }

func (c *counts) repeat(d Door) { c.doors[d].repeated.Add(1) }

func (c *counts) refuse(d Door, r Refusal) { c.doors[d].refused[r].Add(1) }

func (c *counts) hold(d time.Duration) {
	c.held.Add(1)
	c.heldFor.Add(int64(d))
}

// stats returns the figures of now.
func (c *counts) stats() Stats {
	s := Stats{Held: c.held.Load(), HeldFor: time.Duration(c.heldFor.Load())}
	for d := range s.Doors {
		from := &c.doors[d]
		s.Doors[d].Published = from.published.Load()
		s.Doors[d].Repeated = from.repeated.Load()
		for r := range from.refused {
			s.Doors[d].Refused[r] = from.refused[r].Load()
		}
	}
	return s
}
