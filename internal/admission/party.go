package admission

// party is one network at a [Turnstile]: those of its handshakes that run, oldest first, and those that wait.
type party[T any] struct {
	network   Network
	unbounded bool // it may have any number of places
	held      int  // places it has
	ending    int  // of which so many were told to end
	running   ticketList[T]
	waiting   ticketList[T]

	list       *partyList[T] // the ring, the parked, or nil
	next, prev *party[T]     // in list

	rank               int // its running handshakes, and with that the list of the ranks it is in; 0: none
	nextRank, prevRank *party[T]
}

// partyList is a list of parties, linked by next and prev or by nextRank and prevRank.
type partyList[T any] struct {
	first, last *party[T]
	n           int
}

func (l *partyList[T]) push(p *party[T]) {
	p.prev, p.next = l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.n++
}

func (l *partyList[T]) pushFirst(p *party[T]) {
	p.prev, p.next = nil, l.first
	if l.first == nil {
		l.last = p
	} else {
		l.first.prev = p
	}
	l.first = p
	l.n++
}

func (l *partyList[T]) remove(p *party[T]) {
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.next, p.prev = nil, nil
	l.n--
}

func (l *partyList[T]) pushRank(p *party[T]) {
	p.prevRank, p.nextRank = l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.nextRank = p
	}
	l.last = p
	l.n++
}

func (l *partyList[T]) removeRank(p *party[T]) {
	if p.prevRank == nil {
		l.first = p.nextRank
	} else {
		p.prevRank.nextRank = p.nextRank
	}
	if p.nextRank == nil {
		l.last = p.prevRank
	} else {
		p.nextRank.prevRank = p.prevRank
	}
	p.nextRank, p.prevRank = nil, nil
	l.n--
}

// ticketList is a list of tickets, oldest first.
type ticketList[T any] struct {
	first, last *Ticket[T]
	n           int
}

func (l *ticketList[T]) push(t *Ticket[T]) {
	t.prev, t.next = l.last, nil
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
	l.n++
}

func (l *ticketList[T]) remove(t *Ticket[T]) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
	l.n--
}
