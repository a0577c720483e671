package hub

// Deliver moves messages from the inbox to the queues of the streams they are for, and reports
// whether there is more to do. It touches about budget streams, looking for them included. It stops
// starting messages once bytes bytes have been started. It may stop in the middle of a message; the
// next call goes on there.
func (s *Shard) Deliver(budget, bytes int) (more bool) {
	s.backlog.bound = int(s.hub.queueBytes.Load())
	s.backlog.policy = Policy(s.hub.slow.Load())
	s.cursor.reset()
	until := s.delivered + uint64(max(bytes, 1))
	for budget > 0 {
		if s.fan.rec == nil {
			if s.delivered >= until {
				break
			}
			if !s.begin() {
				return false
			}
			budget -= findCost * (len(s.fan.rec.to) - 1) // looked up for maxRecipients
		}
		budget = s.advanceFanout(budget)
	}
	return s.Pending()
}

// Pending reports whether Deliver has something to do.
func (s *Shard) Pending() bool {
	if s.fan.rec != nil || s.taken < len(s.batch) {
		return true
	}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.inbox.records.len() > 0
}

// begin makes the next record the one on its way.
func (s *Shard) begin() bool {
	if s.taken == len(s.batch) {
		s.taken = 0
		s.batch = s.hub.take(&s.inbox, s.batch[:0])
		if len(s.batch) == 0 {
			return false
		}
	}
	d := s.batch[s.taken]
	s.batch[s.taken] = delivery{}
	s.taken++
	s.delivered += uint64(d.rec.frame.Len())
	s.fan = fanout{delivery: d, maxRecipients: s.maxRecipients(d.rec)}
	return true
}

// advanceFanout visits streams until the budget is spent or the record has met all. It returns what
// is left of the budget.
func (s *Shard) advanceFanout(budget int) int {
	f := &s.fan
	for budget > 0 {
		if f.next == 0 {
			if f.isDone() {
				if f.receipt != nil {
					f.receipt.Add(f.matched)
				}
				*f = fanout{}
				return budget
			}
			budget -= f.nextGroup(&s.directory, &s.cursor)
		}
		if f.next > 0 && budget > 0 {
			members := f.take(budget)
			budget -= len(members)
			for i := len(members) - 1; i >= 0; i-- {
				s.offer(members[i].st)
			}
		}
	}
	return budget
}

// offer gives the record on its way to a stream that one of its targets reaches.
func (s *Shard) offer(st *Stream) {
	f := &s.fan
	seq := f.rec.seq
	if seq <= st.seen {
		return
	}
	st.seen = seq
	if f.rec.isMark() {
		s.tellGap(st)
		return
	}
	if f.rec.excepts(st.clientID) {
		return
	}
	switch st.phase {
	case live:
		f.matched++
		if seq > st.after {
			s.backlog.enqueue(st, f.rec, f.maxRecipients)
		}
	case ahead:
		f.matched++
		if seq > st.after {
			st.setPhase(live)
			s.backlog.enqueue(st, f.rec, f.maxRecipients)
		}
	case replaying:
		f.matched++ // the replay brings it
	case overflowed:
		s.backlog.dropped.Close++
	case unsubscribed:
		panic("hub: internal error: an unsubscribed stream is a member of a group")
	}
}
