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
	// expressShare is how many of them the express lane gets first, heavyShare how many the bulk lane leaves to the heavy
	// one.
	expressShare = 128
	heavyShare   = 32
	// recordsPerVisit is how many records one connection may send before others get their turn, unless more than
	// visitBytes are left: those who publish faster than we send would leave more behind at each visit than it takes away.
	recordsPerVisit = 4
	visitBytes      = backlogBytes / 2
	// replayPerRecord is how many places of the history a replay may look at in the time that one record takes.
	replayPerRecord = 256
	// expressMatches is how many streams an event may match to count as small.
	expressMatches = 256
	// bulkBytes is how much may wait for a stream that is not heavy. To write so much takes hardly longer than to write a
	// byte; a full record takes three times as long.
	bulkBytes = 4 << 10
	// backlogBytes is how many bytes of events may be taken in before the connection that has waited longest gets its
	// turn. It is half of the default queue bound: with visitBytes, what waits for the loop alone does not reach it. A
	// message that has to wait until there is room holds up those behind it, whoever they are for.
	backlogBytes = 128 << 10
)

// lanes are the connections that have something to send, in the order they came. Connections of small rooms overtake
// those of large ones, and those for which little waits the ones for which much does.
type lanes struct {
	express, bulk, heavy list.List[conn]
}

func (l *lanes) waiting() bool { return l.express.Len()+l.bulk.Len()+l.heavy.Len() > 0 }

// backlog is how many of the bytes delivered the longest waiting connections have not had their turn for.
func (l *lanes) backlog(delivered uint64) int {
	oldest := delivered
	for _, c := range []*conn{l.express.First(), l.bulk.First(), l.heavy.First()} {
		if c != nil {
			oldest = min(oldest, c.markedAt)
		}
	}
	return int(delivered - oldest)
}

// of is where the connections of a lane stand.
func (l *lanes) of(one lane) *list.List[conn] {
	switch one {
	case laneExpress:
		return &l.express
	case laneBulk:
		return &l.bulk
	case laneHeavy:
		return &l.heavy
	case laneNone:
	}
	return nil
}

// mark puts the connection into a lane; from there it may move to a faster one, not back.
func (w *worker) mark(c *conn, to lane) {
	if c.lane != laneNone && c.lane <= to {
		return
	}
	if c.lane == laneNone {
		c.markedAt = w.shard.DeliveredBytes()
	}
	w.unmark(c)
	c.lane = to
	w.lanes.of(to).Push(&c.inLane, c)
}

func (w *worker) unmark(c *conn) {
	if l := w.lanes.of(c.lane); l != nil {
		l.Remove(&c.inLane)
		c.lane = laneNone
	}
}

// flushLanes spends the turn's budget.
func (w *worker) flushLanes() {
	left := w.flushLane(&w.lanes.express, flushBudget, flushBudget-expressShare)
	left = w.flushLane(&w.lanes.bulk, left, heavyShare)
	left = w.flushLane(&w.lanes.heavy, left, 0)
	w.flushLane(&w.lanes.bulk, left, 0)
}

// flushLane spends the budget on one lane, but for what is to be kept, and answers what is left.
func (w *worker) flushLane(l *list.List[conn], budget, keep int) (left int) {
	for budget > keep && l.First() != nil {
		budget -= w.flush(l.First())
	}
	return budget
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
		if records >= recordsPerVisit && (c.stream.QueueBytes() <= visitBytes || records >= flushBudget) {
			w.mark(c, laneHeavy)
			return records, false
		}
		looked := w.shard.ReplayWork()
		p := w.nextRecord(c)
		records += int((w.shard.ReplayWork() - looked) / replayPerRecord)
		if p == nil && c.state == stateStreaming && !c.stream.Empty() {
			w.mark(c, laneHeavy) // its replay has passed over much that is not for it
			return records, false
		}
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
