package hub

import "github.com/hassesd/hassesd/internal/sse"

// Pop appends up to limit bytes of what is to be sent to dst: whole frames as long as they fit; a
// frame longer than limit in pieces of limit bytes. While a replay is going on, it takes more from
// the history as the queue drains. If it appends nothing, the stream is Empty, or a replay has
// passed over so much that is not for this client that others come first: then Pop is to be called
// again.
func (st *Stream) Pop(dst []byte, limit int) []byte {
	room, queued := limit, st.queue.bytes
	for room > 0 && (st.queue.n > 0 || st.refill(room)) {
		due := st.dueGap()
		next := st.queue.next()
		if due != nil {
			next = due.Len()
		}
		if next > room && room < limit {
			break
		}
		if due != nil {
			st.queue.pushFront(item{frame: due})
			st.last = st.gap.to
			st.gap = nil
		}
		before := len(dst)
		var done item
		dst, done = st.queue.read(dst, room)
		room -= len(dst) - before
		st.count(done)
	}
	if st.queue.n == 0 && st.phase != replaying {
		st.queue.release()
	}
	st.account(st.queue.bytes - queued)
	return dst
}

// dueGap returns the frame that must be sent before the next one, or nil.
func (st *Stream) dueGap() *sse.Frame {
	if st.gap == nil || st.queue.offset > 0 || st.queue.at(0).rec == nil {
		return nil
	}
	h := st.shard.hub
	return sse.Gap(h.id(st.gap.from).String(), h.id(st.gap.to))
}

// count notes a frame that was popped whole.
func (st *Stream) count(it item) {
	if it.rec == nil {
		return
	}
	st.last = it.rec.seq
	if it.rec.isMark {
		return
	}
	st.sent++
	st.shard.backlog.sent++
	if it.rec.seq > st.after { // otherwise it came by a replay, and is old on purpose
		st.shard.sample.offer(it.rec)
	}
}

// Push queues a frame that is not an event, such as a heartbeat, if the stream is Empty; otherwise
// the stream is not silent, and nothing happens.
func (st *Stream) Push(f *sse.Frame) {
	if st.Empty() {
		st.queue.push(item{frame: f})
		st.account(f.Len())
	}
}

// account adds the growth of the queue to the figures of the shard.
func (st *Stream) account(bytes int) {
	if st.shard != nil {
		st.shard.backlog.queued += int64(bytes)
	}
}
