package http2

// readyStreams are those that have something to send, in the order of their turns: a ring, of which
// the streams' fields are the links. Beside package list, it saves 16 bytes a connection and 8 a
// stream.
type readyStreams struct {
	last *Stream // its next one is the first; nil: none
	n    int32
}

// first returns the stream whose turn is next, or nil.
func (r *readyStreams) first() *Stream {
	if r.last == nil {
		return nil
	}
	return r.last.next
}

// push appends a stream, which must be in no ring.
func (r *readyStreams) push(s *Stream) {
	if r.last == nil {
		s.next, s.prev = s, s
	} else {
		s.prev, s.next = r.last, r.last.next
		s.prev.next, s.next.prev = s, s
	}
	r.last = s
	r.n++
}

// remove takes a stream out, which must be in this ring.
func (r *readyStreams) remove(s *Stream) {
	switch {
	case s.next == nil:
		panic("http2: internal error: a stream leaves a ring that it is not in")
	case s.next == s:
		r.last = nil
	case r.last == s:
		r.last = s.prev
	}
	s.prev.next, s.next.prev = s.next, s.prev
	s.next, s.prev = nil, nil
	r.n--
}

// HaveData states that the stream's owner has payload. It may be said again at any time.
func (c *Conn) HaveData(s *Stream) {
	if !s.IsOpen() || s.ended || s.isReady() {
		return
	}
	if s.sendWindow <= 0 && !s.ending {
		s.stalled = true
		return
	}
	c.send.makeReady(s)
}

// End states that the answer ends with what the owner's Payload still has.
func (c *Conn) End(s *Stream) {
	if !s.IsOpen() || s.ending {
		return
	}
	s.ending = true
	c.send.unready(s)
	c.send.makeReady(s)
}

func (x *sender) makeReady(s *Stream) {
	s.stalled = false
	if !s.isReady() {
		x.ready.push(s)
	}
}

func (x *sender) unready(s *Stream) {
	s.stalled = false
	if s.isReady() {
		x.ready.remove(s)
	}
}
