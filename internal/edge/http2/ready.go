package http2

// HaveData states that the stream's owner has payload. It may be said again at any time.
func (c *Conn) HaveData(s *Stream) {
	if !s.IsOpen() || s.ended || s.isReady {
		return
	}
	if s.sendWindow <= 0 && !s.ending {
		s.stalled = true
		return
	}
	c.makeReady(s)
}

// End states that the answer ends with what the owner's Payload still has.
func (c *Conn) End(s *Stream) {
	if !s.IsOpen() || s.ending {
		return
	}
	s.ending = true
	c.unready(s)
	c.makeReady(s)
}

func (c *Conn) makeReady(s *Stream) {
	if s.isReady {
		return
	}
	s.stalled = false
	s.isReady = true
	c.ready.Push(&s.place, s)
}

func (c *Conn) unready(s *Stream) {
	s.stalled = false
	if s.isReady {
		s.isReady = false
		c.ready.Remove(&s.place)
	}
}
