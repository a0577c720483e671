package edge

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"
)

// ClientOrder is how a list of clients is sorted. Clients that compare equal are listed by age.
type ClientOrder uint8

// The orders.
const (
	ClientsByAge   ClientOrder = iota // oldest first
	ClientsByQueue                    // fullest first
	ClientsBySent                     // most first
)

// ClientPosition is a place in such a list. The client itself may be gone.
type ClientPosition struct {
	Key    uint64 // what it is sorted by: QueueBytes or Sent; 0 by age
	Conn   uint64
	Stream uint32 // of HTTP/2
}

// compare returns a negative number if p comes before q: larger keys first, then older connections.
func (p ClientPosition) compare(q ClientPosition) int {
	return cmp.Or(cmp.Compare(q.Key, p.Key), cmp.Compare(p.Conn, q.Conn), cmp.Compare(p.Stream, q.Stream))
}

// ClientPage selects a part of a list of clients.
type ClientPage struct {
	Filter ClientFilter
	Order  ClientOrder
	After  *ClientPosition // nil: from the beginning
	Limit  int             // at least 1
}

// ClientList is a page of clients.
type ClientList struct {
	Clients []ClientInfo
	Total   int             // that match the filter; about so many while connections come and go
	Next    *ClientPosition // After for the next page; nil: there is none
}

const (
	// clientsPerTurn is how many clients one turn examines, so that a long list does not delay
	// deliveries.
	clientsPerTurn = 256
	// infosPerTurn is how many clients one turn copies: each costs a system call.
	infosPerTurn = 64
)

// Clients returns a page of the clients. It never holds more than the page in memory. By age, the
// pages list each client exactly once; in any other order a client may move between two pages.
func (s *Server) Clients(ctx context.Context, p ClientPage) (ClientList, error) {
	for {
		sel := &clientSelection{page: p}
		for _, w := range s.workers {
			at := clientCursor{end: math.MaxInt}
			for more := true; more; {
				if err := w.ask(ctx, func() { more = w.selectClients(&at, sel) }); err != nil {
					return ClientList{}, err
				}
			}
		}
		out := ClientList{Total: sel.total}
		chosen := sel.sorted()
		if len(chosen) > 0 && sel.behind > len(chosen) {
			last := chosen[len(chosen)-1].ClientPosition
			out.Next = &last
		}
		infos, err := s.describe(ctx, chosen, p.Order)
		if err != nil {
			return ClientList{}, err
		}
		if out.Clients = infos; len(infos) > 0 || out.Next == nil {
			return out, nil
		}
		p.After = out.Next // all of them are gone by now
	}
}

// clientCursor is how far a list has come with the clients of a loop, which it goes through downwards.
// New connections take slots above, and a closed one is replaced by one that was already offered, so
// none is missed. New streams of a connection have higher numbers.
type clientCursor struct {
	end   int    // connections in the slots below are still to be looked at
	conn  *conn  // the one in which the last turn stopped; may be gone
	below uint32 // of its streams, those with lower numbers are still to be looked at
}

// selectClients offers the next clients, a turn's share, and reports whether there are more.
func (w *worker) selectClients(at *clientCursor, sel *clientSelection) (more bool) {
	looked := 0
	for at.end = min(at.end, len(w.conns)); at.end > 0; at.end-- {
		c := w.conns[at.end-1]
		below := uint32(math.MaxUint32)
		if c == at.conn {
			below = at.below
		}
		for r := range c.rowsBelow(below) {
			if looked == clientsPerTurn {
				at.conn, at.below = c, r.number()+1
				return true
			}
			looked++
			if sel.page.Filter.matches(r) {
				sel.offer(r)
			}
		}
	}
	return false
}

// clientSelection holds the first clients after a position, of those offered so far.
type clientSelection struct {
	page   ClientPage
	chosen clientHeap
	total  int // offered
	behind int // of them, those behind the position
}

type chosenClient struct {
	ClientPosition
	row row // belongs to its loop
}

func (sel *clientSelection) offer(r row) {
	sel.total++
	at := chosenClient{ClientPosition{Conn: r.c.id, Stream: r.number()}, r}
	switch sel.page.Order {
	case ClientsByAge:
	case ClientsByQueue:
		at.Key = uint64(r.unwritten())
	case ClientsBySent:
		at.Key = r.sub().Sent()
	}
	if sel.page.After != nil && at.compare(*sel.page.After) <= 0 {
		return
	}
	sel.behind++
	switch {
	case len(sel.chosen) < sel.page.Limit:
		heap.Push(&sel.chosen, at)
	case at.compare(sel.chosen[0].ClientPosition) < 0:
		sel.chosen[0] = at
		heap.Fix(&sel.chosen, 0)
	}
}

// sorted returns the selection in its order, each client once: one that moved to a freed slot was
// offered twice.
func (sel *clientSelection) sorted() []chosenClient {
	slices.SortFunc(sel.chosen, func(a, b chosenClient) int { return a.compare(b.ClientPosition) })
	seen := make(map[row]bool, len(sel.chosen))
	return slices.DeleteFunc(sel.chosen, func(c chosenClient) bool {
		twice := seen[c.row]
		seen[c.row] = true
		return twice
	})
}

// clientHeap is a heap with the last client at the top.
type clientHeap []chosenClient

func (h clientHeap) Len() int           { return len(h) }
func (h clientHeap) Less(i, j int) bool { return h[i].compare(h[j].ClientPosition) > 0 }
func (h clientHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

func (h *clientHeap) Push(x any) { *h = append(*h, x.(chosenClient)) }

func (h *clientHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// describe copies the chosen clients that still exist. The value they were sorted by is the one
// from then.
func (s *Server) describe(ctx context.Context, chosen []chosenClient, order ClientOrder) ([]ClientInfo, error) {
	infos := make([]ClientInfo, len(chosen))
	for _, w := range s.workers {
		for i := 0; i < len(chosen); {
			if chosen[i].row.c.w != w {
				i++
				continue
			}
			err := w.ask(ctx, func() {
				now := w.now()
				for n := 0; i < len(chosen) && n < infosPerTurn; i++ {
					if r := chosen[i].row; r.c.w == w && !r.isGone() {
						infos[i] = r.info(now)
						n++
					}
				}
			})
			if err != nil {
				return nil, err
			}
		}
	}
	for i := range infos {
		switch order {
		case ClientsByAge:
		case ClientsByQueue:
			infos[i].QueueBytes = int(chosen[i].Key)
		case ClientsBySent:
			infos[i].Sent = chosen[i].Key
		}
	}
	return slices.DeleteFunc(infos, func(i ClientInfo) bool { return i.Conn == 0 }), nil
}
