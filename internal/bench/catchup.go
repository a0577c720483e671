package bench

// catchup waits until all open streams have had all messages. It belongs to the loop. The zero
// value waits for nothing.
type catchup struct {
	sent    []uint64 // the last number of each room; nil: never asked
	missing int      // streams that have not had all
	waiting bool
}

// begin begins to wait; the caller adds the streams.
func (c *catchup) begin(sent []uint64) { c.sent, c.missing, c.waiting = sent, 0, true }

// isBehind reports whether a stream of the room that expects number next has not had all messages.
func (c *catchup) isBehind(room int, next uint64) bool { return next <= c.sent[room] }

// lost returns how many messages a stream of the room that expects number next has missed at the
// end. One that had none has missed none.
func (c *catchup) lost(room int, next uint64) uint64 {
	if c.sent == nil || next == 0 || next > c.sent[room] {
		return 0
	}
	return c.sent[room] + 1 - next
}

// isOver ends the waiting and reports whether it was the last stream that it waited for.
func (c *catchup) isOver() bool {
	if !c.waiting || c.missing > 0 {
		return false
	}
	c.waiting = false
	return true
}
