package admission

import (
	"time"

	"github.com/hassesd/hassesd/internal/list"
)

const (
	// evictAfter is how long a handshake may last when others wait for its place. A browser needs two round trips;
	// whoever holds a place with half a ClientHello must not keep it from others until the deadline.
	evictAfter = time.Second
	// evictFairly is how long it may last when its network has the most handshakes in flight, and the one that waits
	// belongs to a network with fewer, even with one more.
	evictFairly = 250 * time.Millisecond
)

// Turnstile deals out the places for handshakes: to the networks in turn, those first that have had no turn yet, and
// never more than its share to one of them. It belongs to one event loop. After anything that may free a place, the
// caller takes what Next gives until it gives nothing, and then what Victim gives.
type Turnstile[T any] struct {
	places  int // in all
	each    int // for one network
	held    int // places that are taken
	ending  int // of which so many were told to end, and will be free soon
	parties map[Network]*party[T]
	ring    list.List[party[T]]   // parties with somebody waiting who may have a place as soon as there is one
	parked  list.List[party[T]]   // parties with somebody waiting, and as many places as one network may have
	wanting int                   // tickets that wait in the ring
	queued  int                   // tickets that wait at all
	ranks   []list.List[party[T]] // parties by the number of their running handshakes
	top     int                   // the last rank that is not empty, or 0
}

// Ticket is one handshake at the turnstile, from Arrive to Leave.
type Ticket[T any] struct {
	Owner T

	state ticketState
	party *party[T]
	since time.Duration        // when it began to run
	in    list.Node[Ticket[T]] // those of its party that run or wait
}

type ticketState uint8

const (
	ticketOutside ticketState = iota
	ticketWaiting             // for a place
	ticketRunning             // it has a place
	ticketEnding              // it has a place, and was told to end
)

// NewTurnstile makes a turnstile with so many places, at most each of them for one network; both are at least 1.
func NewTurnstile[T any](places, each int) *Turnstile[T] {
	q := &Turnstile[T]{parties: make(map[Network]*party[T])}
	q.SetPlaces(places, each)
	return q
}

// SetPlaces changes the number of places. Who has one keeps it.
func (q *Turnstile[T]) SetPlaces(places, each int) {
	q.places, q.each = max(places, 1), max(each, 1)
	for _, p := range q.parties {
		q.sort(p)
	}
}

// Arrive takes a ticket and says whether it has a place at once; otherwise it waits until Next gives it. unbounded: its
// network may have any number of places.
func (q *Turnstile[T]) Arrive(now time.Duration, t *Ticket[T], n Network, unbounded bool) bool {
	p := q.parties[n]
	if p == nil {
		p = &party[T]{network: n}
		q.parties[n] = p
	}
	p.unbounded = unbounded
	t.party = p
	if q.held < q.places && q.mayHold(p) {
		q.start(now, t)
		return true
	}
	t.state = ticketWaiting
	q.queued++
	p.waiting.Push(&t.in, t)
	if p.list == &q.ring {
		q.wanting++
	}
	q.sort(p)
	return false
}

// Leave takes a ticket out, wherever it is.
func (q *Turnstile[T]) Leave(t *Ticket[T]) {
	p := t.party
	switch t.state {
	case ticketOutside:
		panic("admission: internal error: a ticket leaves twice")
	case ticketWaiting:
		q.queued--
		p.waiting.Remove(&t.in)
		if p.list == &q.ring {
			q.wanting--
		}
	case ticketRunning:
		q.stop(t)
		p.held--
		q.held--
	case ticketEnding:
		q.ending--
		p.ending--
		p.held--
		q.held--
	}
	t.state, t.party = ticketOutside, nil
	q.sort(p)
	if p.held == 0 && p.waiting.Len() == 0 {
		delete(q.parties, p.network)
	}
}

// Next gives a place to a ticket that waits, and returns it; nil when there is no place or nobody to have it.
func (q *Turnstile[T]) Next(now time.Duration) *Ticket[T] {
	p := q.ring.First()
	if q.held >= q.places || p == nil {
		return nil
	}
	t := p.waiting.First()
	p.waiting.Remove(&t.in)
	q.queued--
	q.wanting--
	q.start(now, t)
	if p.list == &q.ring { // it has had its turn
		q.ring.Remove(&p.place)
		q.ring.Push(&p.place, p)
	}
	return t
}

// Victim chooses a running handshake that has to end for one that waits; the caller tells it to, and lets it Leave when
// it has. Without one, due is when to ask again, 0 for never.
func (q *Turnstile[T]) Victim(now time.Duration) (t *Ticket[T], due time.Duration) {
	if t, due = q.oldest(now); t != nil {
		return t, 0
	}
	for p := range q.parked.All() { // of these there are at most places/each
		first := p.running.First()
		if p.ending >= p.waiting.Len() || first == nil {
			continue
		}
		at := first.since + evictAfter
		if at <= now {
			q.tell(first)
			return first, 0
		}
		if due == 0 || at < due {
			due = at
		}
	}
	return nil, due
}

// oldest is Victim for those who wait for a place of any network's.
func (q *Turnstile[T]) oldest(now time.Duration) (*Ticket[T], time.Duration) {
	if q.held < q.places || q.ending >= q.wanting || q.top == 0 {
		return nil, 0
	}
	most := q.ranks[q.top].First()
	t := most.running.First()
	patience := evictAfter
	if q.ending < q.ring.Len() && most.running.Len() > q.ring.First().held+1 {
		patience = evictFairly
	}
	if due := t.since + patience; due > now {
		return nil, due
	}
	q.tell(t)
	return t, 0
}

// Running is how many have a place.
func (q *Turnstile[T]) Running() int { return q.held }

// Waiting is how many wait for one.
func (q *Turnstile[T]) Waiting() int { return q.queued }

// Most is the network with the most running handshakes, and how many those are.
func (q *Turnstile[T]) Most() (n Network, running int) {
	if q.top == 0 {
		return Network{}, 0
	}
	return q.ranks[q.top].First().network, q.top
}

func (q *Turnstile[T]) mayHold(p *party[T]) bool { return p.unbounded || p.held < q.each }

func (q *Turnstile[T]) start(now time.Duration, t *Ticket[T]) {
	p := t.party
	t.state, t.since = ticketRunning, now
	q.held++
	p.held++
	q.rank(p, +1)
	p.running.Push(&t.in, t)
	q.sort(p)
}

// tell marks a running ticket as one that was told to end.
func (q *Turnstile[T]) tell(t *Ticket[T]) {
	q.stop(t)
	t.state = ticketEnding
	q.ending++
	t.party.ending++
}

// stop takes a ticket out of those that run; its place is still taken.
func (q *Turnstile[T]) stop(t *Ticket[T]) {
	t.party.running.Remove(&t.in)
	q.rank(t.party, -1)
}

// rank moves a party up or down by one running handshake.
func (q *Turnstile[T]) rank(p *party[T], by int) {
	if p.rank > 0 {
		q.ranks[p.rank].Remove(&p.ranked)
	}
	p.rank += by
	for len(q.ranks) <= p.rank {
		q.ranks = append(q.ranks, list.List[party[T]]{})
	}
	if p.rank > 0 {
		q.ranks[p.rank].Push(&p.ranked, p)
	}
	q.top = max(q.top, p.rank)
	for q.top > 0 && q.ranks[q.top].Len() == 0 {
		q.top--
	}
}

// sort puts a party into the list that it belongs in: the ring, the parked, or none.
func (q *Turnstile[T]) sort(p *party[T]) {
	var to *list.List[party[T]]
	switch {
	case p.waiting.Len() == 0:
	case q.mayHold(p):
		to = &q.ring
	default:
		to = &q.parked
	}
	if p.list == to {
		return
	}
	wasParked := p.list == &q.parked
	if p.list != nil {
		if p.list == &q.ring {
			q.wanting -= p.waiting.Len()
		}
		p.list.Remove(&p.place)
	}
	p.list = to
	switch {
	case to == nil:
	case to == &q.ring:
		q.wanting += p.waiting.Len()
		if wasParked || p.held > 0 {
			to.Push(&p.place, p)
		} else {
			to.PushFirst(&p.place, p) // newcomers before those who have had their turn
		}
	default:
		to.Push(&p.place, p)
	}
}
