package bench

// counts is what a stream loop has counted. It belongs to the loop.
type counts struct {
	good      tally // of the streams that read
	slow      tally // of those that do not
	connects  times
	latencies [phases]times

	rooms     []window
	completed int // messages that all streams of their room have had

	part phase
	from int64 // messages due since then count, in nanoseconds since 1970; 0: all
}

func newCounts(o *Options) *counts {
	c := &counts{
		connects:  newTimes(),
		latencies: [phases]times{newTimes(), newTimes(), newTimes()},
		rooms:     make([]window, o.Rooms),
	}
	if o.InFlight > 0 {
		for i := range c.rooms {
			c.rooms[i].size(o.InFlight)
		}
	}
	return c
}

// of returns the tally of slow streams, or that of the others.
func (c *counts) of(slow bool) *tally {
	if slow {
		return &c.slow
	}
	return &c.good
}

// measure begins a part of the run.
func (c *counts) measure(part phase, from int64) { c.part, c.from = part, from }

// join notes that a stream of the room is open.
func (c *counts) join(room int) { c.rooms[room].join() }

// leave notes that a stream of the room that expects number next is open no more.
func (c *counts) leave(room int, next uint64) { c.completed += c.rooms[room].leave(next) }

// received notes a message that a stream has had for the first time. The stream expected the number
// next, or any for 0, and is open since then.
func (c *counts) received(m message, v verdict, next uint64, since, now int64) {
	if v == fresh {
		if next == 0 {
			next = m.seq
		}
		c.completed += c.rooms[m.room].settle(next, m.seq)
	}
	if m.sent >= c.from && m.sent >= since { // what was due before the stream was open comes from the history
		c.latencies[c.part].record(now - m.sent)
	}
}

// progress returns a report that an order was carried out.
func (c *counts) progress(done deed, open int) report {
	return report{Done: done, Open: open, Completed: c.completed, Received: c.good.Received, Bytes: c.good.Bytes + c.slow.Bytes}
}

// result returns all that was counted.
func (c *counts) result() *result { return &result{c.good, c.slow, c.connects, c.latencies} }
