package edge

import (
	"github.com/hassesd/hassesd/internal/list"
	"github.com/hassesd/hassesd/internal/reactor"
)

// The second step of the fan-out. The hub has put frames into queues and the streams that got some stand in a lane;
// each turn writes a bounded number of records, so that a huge fan-out never starves accepts or other rooms. What comes
// meanwhile queues up and leaves with the same record: under load events batch by themselves.

const (
	// deliverBudget is how many queues one turn may append to: about 1 ms.
	deliverBudget = 16384
	// flushBudget is how many records one turn may write: a loopback write costs 5 to 10 µs, so 1 to 2 ms.
	flushBudget = 192
	// expressShare is how many of them the express lane gets first.
	expressShare = 128
	// recordsPerVisit is how many records one connection may send before others get their turn.
	recordsPerVisit = 4
	// expressMatches is how many streams an event may match to count as small.
	expressMatches = 256
	// backlogBytes is how many bytes of events may be taken in before the connection that has waited longest gets its
	// turn. It is a quarter of the default queue bound: what waits for the loop alone does not come near it.
	backlogBytes = 64 << 10
)

// lanes are the connections that have something to send, in the order they came. Connections of small rooms overtake
// those of large ones.
type lanes struct {
	express, bulk list.List[conn]
}

func (l *lanes) waiting() bool { return l.express.Len()+l.bulk.Len() > 0 }

// backlog is how many of the bytes delivered the longest waiting connections have not had their turn for.
func (l *lanes) backlog(delivered uint64) int {
	oldest := delivered
	for _, c := range []*conn{l.express.First(), l.bulk.First()} {
		if c != nil {
			oldest = min(oldest, c.markedAt)
		}
	}
	return int(delivered - oldest)
}

// mark puts the connection into a lane; from bulk it may move to express, not back.
func (w *worker) mark(c *conn, to lane) {
	if c.lane == laneExpress || c.lane == to {
		return
	}
	if c.lane == laneNone {
		c.markedAt = w.shard.DeliveredBytes()
	}
	w.unmark(c)
	c.lane = to
	if to == laneExpress {
		w.lanes.express.Push(&c.inLane, c)
	} else {
		w.lanes.bulk.Push(&c.inLane, c)
	}
}

func (w *worker) unmark(c *conn) {
	switch c.lane {
	case laneNone:
	case laneExpress:
		w.lanes.express.Remove(&c.inLane)
	case laneBulk:
		w.lanes.bulk.Remove(&c.inLane)
	}
	c.lane = laneNone
}

// flushLanes spends the turn's budget.
func (w *worker) flushLanes() {
	left := flushBudget
	for left > flushBudget-expressShare && w.lanes.express.First() != nil {
		left -= w.flush(w.lanes.express.First())
	}
	for left > 0 && w.lanes.bulk.First() != nil {
		left -= w.flush(w.lanes.bulk.First())
	}
}

// flush writes what the connection has to say until the socket is full, nothing is left, or it had its share, and then
// does what the end of the output calls for. It answers how many records that cost, at least one. It must not be called
// while the hub delivers: it may end a subscription.
func (w *worker) flush(c *conn) (records int) {
	w.unmark(c)
	if c.doomed || c.state == stateClosed || c.state == stateHandshaking {
		return 1
	}
	records, done := w.write(c)
	switch {
	case !done:
	case c.state == stateDraining:
		w.sayFarewell(c)
	case c.secondReady:
		c.secondRequest()
	}
	return max(records, 1)
}

// write moves bytes to the socket and does nothing else. It answers whether all has left.
func (w *worker) write(c *conn) (records int, done bool) {
	for {
		if c.wire.Pending() > 0 {
			want, err := c.wire.Flush()
			if err != nil {
				c.writeFailed(err)
				return records, false
			}
			c.setBlocked(want)
			if want {
				return records, false
			}
		}
		c.setBlocked(false)
		if records >= recordsPerVisit {
			w.mark(c, laneBulk)
			return records, false
		}
		p := w.nextRecord(c)
		if p == nil {
			return records, true
		}
		records++
		c.lastWrite = w.now()
		if err := c.wire.Seal(p); err != nil {
			c.writeFailed(err)
			return records, false
		}
	}
}

// nextRecord is the plaintext of the next record, nil when there is none: first what stands before the queue, then the
// queue, then what stands behind it. It is good until the next call.
func (w *worker) nextRecord(c *conn) []byte {
	if len(c.front) > 0 {
		return takeFrom(&c.front)
	}
	if (c.state == stateStreaming || c.state == stateDraining) && !c.stream.Empty() {
		sent := c.stream.Sent()
		buf := c.stream.Pop(w.writeBuf[:chunkHead], chunkMax)
		w.deliveries += c.stream.Sent() - sent
		if len(buf) > chunkHead {
			if c.http10 {
				return buf[chunkHead:]
			}
			return frameChunk(buf)
		}
	}
	if len(c.tail) > 0 {
		return takeFrom(&c.tail)
	}
	return nil
}

// takeFrom cuts one record's worth off the front of p, and lets go of p when it is used up.
func takeFrom(p *[]byte) []byte {
	n := min(len(*p), recordMax)
	head := (*p)[:n]
	*p = (*p)[n:]
	if len(*p) == 0 {
		*p = nil
	}
	return head
}

// sayFarewell takes the next step of the end once all plaintext has left.
func (w *worker) sayFarewell(c *conn) {
	if c.step == farewellQueued {
		c.step = farewellNotified
		if err := c.wire.CloseNotify(); err != nil {
			c.writeFailed(err)
			return
		}
		want, err := c.wire.Flush()
		if err != nil {
			c.writeFailed(err)
			return
		}
		c.setBlocked(want)
		if want {
			return
		}
	}
	if c.step == farewellNotified {
		c.step = farewellShut
		if c.peerDone || c.src.CloseWrite() != nil {
			c.fail(c.reason)
			return
		}
		c.deadline(lingerTime)
		c.read()
	}
}

// writeFailed ends a connection whose socket or TLS state is broken.
func (c *conn) writeFailed(err error) {
	c.w.srv.log.Debug("write failed", "conn", c.id, "peer", c.peer, "err", err)
	c.fail(TransportFailed)
}

var _ reactor.Handler = (*conn)(nil)
