package edge

import (
	"cmp"
	"container/heap"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// ClientInfo is a copy of one connection's particulars.
type ClientInfo struct {
	Conn       uint64
	ID         string
	Peer       netip.AddrPort
	State      string
	Version    uint16 // TLS version; 0 without TLS or before the handshake is done
	Cipher     uint16
	Age        time.Duration
	StreamAge  time.Duration // 0 before the stream is open
	Rooms      []string
	All        bool
	Sent       uint64
	QueueBytes int // not written to the socket
	// KernelBytes were written and are not acknowledged by the peer.
	KernelBytes int
	Dropped     uint64 // events that limits.slow took from it
	Reinits     uint64
	Agent       string
}

// ClientFilter selects connections; empty fields select all.
type ClientFilter struct {
	Room string
	ID   string
	Addr string // an address, or address:port
}

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
	Key  uint64 // what it is sorted by: QueueBytes or Sent; 0 by age
	Conn uint64
}

// compare returns a negative number if p comes before q: larger keys first, then older connections.
func (p ClientPosition) compare(q ClientPosition) int {
	return cmp.Or(cmp.Compare(q.Key, p.Key), cmp.Compare(p.Conn, q.Conn))
}

// ClientPage selects a part of a list of clients.
type ClientPage struct {
	Filter ClientFilter
	Order  ClientOrder
	After  *ClientPosition // nil: from the begin
	Limit  int             // at least 1
}

// ClientList is a page of clients.
type ClientList struct {
	Clients []ClientInfo
	Total   int             // that match the filter; about so many while connections come and go
	Next    *ClientPosition // After for the next page; nil: there is none
}

const (
	// clientsPerTurn is how many connections one turn examines, so that a long list does not delay
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
			next := -1
			for next != 0 {
				if err := w.ask(ctx, func() { next = w.selectClients(next, sel) }); err != nil {
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

// selectClients offers the connections in the slots below end, downwards, and returns where to
// continue; -1 starts, 0 is the end. New connections take slots above, and a closed one is replaced
// by one that was already offered, so none is missed.
func (w *worker) selectClients(end int, sel *clientSelection) int {
	if end < 0 || end > len(w.conns) {
		end = len(w.conns)
	}
	stop := max(0, end-clientsPerTurn)
	for i := end - 1; i >= stop; i-- {
		if c := w.conns[i]; sel.page.Filter.matches(c) {
			sel.offer(c)
		}
	}
	return stop
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
	c *conn // belongs to its loop
}

func (sel *clientSelection) offer(c *conn) {
	sel.total++
	at := chosenClient{ClientPosition{Conn: c.id}, c}
	switch sel.page.Order {
	case ClientsByAge:
	case ClientsByQueue:
		at.Key = uint64(c.unwritten())
	case ClientsBySent:
		at.Key = c.sub.Sent()
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
	seen := make(map[uint64]bool, len(sel.chosen))
	return slices.DeleteFunc(sel.chosen, func(c chosenClient) bool {
		twice := seen[c.Conn]
		seen[c.Conn] = true
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
			if chosen[i].c.w != w {
				i++
				continue
			}
			err := w.ask(ctx, func() {
				now := w.now()
				for n := 0; i < len(chosen) && n < infosPerTurn; i++ {
					if at := chosen[i]; at.c.w == w && at.c.transport.State() != transport.Closed {
						infos[i] = at.c.info(now)
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

func (f ClientFilter) matches(c *conn) bool {
	if f.ID != "" && c.sub.ClientID() != f.ID {
		return false
	}
	if f.Room != "" && !slices.Contains(c.sub.Rooms(), f.Room) {
		return false
	}
	return f.Addr == "" || c.peer.String() == f.Addr || c.peer.Addr().String() == strings.Trim(f.Addr, "[]")
}

func (c *conn) info(now time.Duration) ClientInfo {
	i := ClientInfo{
		Conn:       c.id,
		ID:         c.sub.ClientID(),
		Peer:       c.peer,
		State:      c.stateName(),
		Version:    c.version,
		Cipher:     c.cipher,
		Age:        now - c.acceptedAt,
		Rooms:      c.sub.Rooms(),
		All:        c.sub.All(),
		Sent:       c.sub.Sent(),
		QueueBytes: c.unwritten(),
		Dropped:    c.sub.Dropped(),
		Reinits:    c.sub.Reinits(),
		Agent:      c.agent,
	}
	if openedAt := c.sub.OpenedAt(); openedAt > 0 || c.sub.State() != subscriber.None {
		i.StreamAge = now - openedAt
		if n, err := c.transport.Unacknowledged(); err == nil { // asked on demand: a system call for each stream
			i.KernelBytes = n
		}
	}
	return i
}

// stateName returns the state that lists show.
func (c *conn) stateName() string {
	switch c.transport.State() {
	case transport.Accepted:
		return "accepted"
	case transport.Handshaking:
		return "handshaking"
	case transport.Open:
		if c.sub.State() == subscriber.None {
			return "reading"
		}
		return "streaming"
	case transport.Closing:
		return "draining"
	case transport.Closed:
	}
	return "closed"
}
