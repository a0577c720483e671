package hub

import "github.com/hassesd/hassesd/internal/sse"

// Pop appends up to limit bytes of what is to be sent to dst: whole frames as long as they fit; a
// frame longer than limit in pieces of limit bytes. While a replay is going on, it takes more from
// the history as the queue drains. If it appends nothing, the stream is Empty, or a replay has
// passed over so much that is not for this client that others come first: then Pop is to be called
// again.
func (st *Stream) Pop(dst []byte, limit int) []byte {
	queued, end, fits := st.queue.bytes, len(dst)+limit, true
	for fits && len(dst) < end && (st.queue.n > 0 || st.refill(end-len(dst))) {
		dst, fits = st.drain(dst, end-len(dst), limit)
	}
	if st.queue.n == 0 && st.phase != replaying {
		st.queue.release()
	}
	st.account(st.queue.bytes - queued)
	return dst
}

// drain appends up to room bytes of what is queued to dst, and reports whether the next frame may
// fit into what is left of room. It reads of a record only what it must: that of each event is in no
// cache, unlike its frame.
func (st *Stream) drain(dst []byte, room, limit int) (_ []byte, fits bool) {
	var newest *record // that was popped whole
	sent := uint64(0)
	for fits = true; room > 0 && st.queue.n > 0; {
		next := st.queue.next()
		var due *sse.Frame
		if st.gap != nil {
			if due = st.dueGap(); due != nil {
				next = due.Len()
			}
		}
		if fits = next <= room || room == limit; !fits {
			break
		}
		if due != nil {
			st.queue.pushFront(item{frame: due})
			st.last, newest = st.gap.to, nil
			st.gap = nil
		}
		var done item
		dst, done = st.queue.read(dst, room)
		room -= min(next, room)
		if done.rec == nil {
			continue
		}
		newest = done.rec
		if done.frame.Seq() > 0 { // it is no mark
			sent++
			st.shard.sample.offer(done.rec, st.after)
		}
	}
	if newest != nil {
		st.last = newest.seq
	}
	if sent > 0 {
		st.sent += sent
		st.shard.backlog.sent += sent
	}
	return dst, fits
}

// dueGap returns the frame that must be sent before the next one, or nil.
func (st *Stream) dueGap() *sse.Frame {
	if st.gap == nil || st.queue.offset > 0 || st.queue.at(0).rec == nil {
		return nil
	}
	h := st.shard.hub
	return sse.Gap(h.id(st.gap.from).String(), h.id(st.gap.to))
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
