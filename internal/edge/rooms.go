package edge

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
)

// roomsPerTurn is how many rooms one turn copies.
const roomsPerTurn = 1024

// Room is a room that streams have named, and how many of them.
type Room struct {
	Name    string
	Streams int
}

// compare returns a negative number if r comes before q: most streams first, then by name.
func (r Room) compare(q Room) int {
	return cmp.Or(cmp.Compare(q.Streams, r.Streams), cmp.Compare(r.Name, q.Name))
}

// RoomPage selects a part of a list of rooms.
type RoomPage struct {
	Prefix string // of the names
	ByName bool   // otherwise most streams first, then by name
	After  *Room  // nil: from the beginning; by name its number of streams does not matter
	Limit  int    // at least 1
}

// RoomList is a page of rooms.
type RoomList struct {
	Rooms []Room
	Total int  // that begin with the prefix; 0 behind the first page by name, which does not look at all of them
	More  bool // there is another page
}

// Rooms returns a page of the rooms. It holds no more in memory than the page and one turn's rooms
// of each loop.
func (s *Server) Rooms(ctx context.Context, p RoomPage) (RoomList, error) {
	if p.ByName {
		return s.roomsByName(ctx, p)
	}
	var first roomHeap
	total, behind := 0, 0
	err := s.eachRoom(ctx, p.Prefix, "", func(r Room) bool {
		total++
		if p.After != nil && r.compare(*p.After) <= 0 {
			return true
		}
		behind++
		switch {
		case len(first) < p.Limit:
			heap.Push(&first, r)
		case r.compare(first[0]) < 0:
			first[0] = r
			heap.Fix(&first, 0)
		}
		return true
	})
	slices.SortFunc(first, Room.compare)
	return RoomList{Rooms: first, Total: total, More: behind > len(first)}, err
}

func (s *Server) roomsByName(ctx context.Context, p RoomPage) (RoomList, error) {
	after, isFirst := "", p.After == nil
	if !isFirst {
		after = p.After.Name
	}
	var out RoomList
	err := s.eachRoom(ctx, p.Prefix, after, func(r Room) bool {
		if isFirst {
			out.Total++
		}
		if len(out.Rooms) == p.Limit {
			out.More = true
			return isFirst
		}
		out.Rooms = append(out.Rooms, r)
		return true
	})
	return out, err
}

// CountRooms counts the rooms that streams have named. A room on several loops counts once.
func (s *Server) CountRooms(ctx context.Context) (int, error) {
	count := 0
	err := s.eachRoom(ctx, "", "", func(Room) bool {
		count++
		return true
	})
	return count, err
}

// eachRoom visits the rooms that begin with prefix and sort after after, by name, until visit
// returns false. It merges the loops, and holds at most one page of each.
func (s *Server) eachRoom(ctx context.Context, prefix, after string, visit func(Room) bool) error {
	pages := make([]roomPage, len(s.workers))
	for i, w := range s.workers {
		pages[i] = roomPage{w: w, prefix: prefix, last: after}
		if err := pages[i].turn(ctx); err != nil {
			return err
		}
	}
	for {
		next, found := Room{}, false
		for i := range pages {
			if r, ok := pages[i].next(); ok && (!found || r.Name < next.Name) {
				next, found = Room{Name: r.Name}, true
			}
		}
		if !found {
			return nil
		}
		for i := range pages {
			if r, ok := pages[i].next(); ok && r.Name == next.Name {
				next.Streams += r.Streams
				if err := pages[i].pass(ctx); err != nil {
					return err
				}
			}
		}
		if !visit(next) {
			return nil
		}
	}
}

// roomPage is the rooms of one worker, in their order, a page at a time.
type roomPage struct {
	w      *worker
	prefix string
	rooms  []Room // still to come, of this page
	last   string // name of this page; the next one begins behind it
	ended  bool   // there is no other page
}

func (p *roomPage) next() (r Room, ok bool) {
	if len(p.rooms) == 0 {
		return Room{}, false
	}
	return p.rooms[0], true
}

// pass moves past the next room.
func (p *roomPage) pass(ctx context.Context) error {
	if p.rooms = p.rooms[1:]; len(p.rooms) > 0 || p.ended {
		return nil
	}
	return p.turn(ctx)
}

// turn fetches the next page.
func (p *roomPage) turn(ctx context.Context) error {
	if err := p.w.ask(ctx, func() { p.rooms = p.w.copyRooms(p.prefix, p.last) }); err != nil {
		return err
	}
	p.ended = len(p.rooms) < roomsPerTurn
	if n := len(p.rooms); n > 0 {
		p.last = p.rooms[n-1].Name
	}
	return nil
}

// copyRooms copies the rooms after after, up to roomsPerTurn.
func (w *worker) copyRooms(prefix, after string) []Room {
	var page []Room
	w.shard.RoomsPrefix(prefix, after, func(room string, streams int) bool {
		page = append(page, Room{room, streams})
		return len(page) < roomsPerTurn
	})
	return page
}

// roomHeap is a heap with the last room at the top.
type roomHeap []Room

func (h roomHeap) Len() int           { return len(h) }
func (h roomHeap) Less(i, j int) bool { return h[i].compare(h[j]) > 0 }
func (h roomHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

func (h *roomHeap) Push(x any) { *h = append(*h, x.(Room)) }

func (h *roomHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// Count returns how many connections and streams there are or, with a room, how many streams named
// it. It asks the loops.
func (s *Server) Count(ctx context.Context, room string) (connections, streams int, err error) {
	for _, w := range s.workers {
		var c, n int
		err := w.ask(ctx, func() {
			c, n = len(w.conns), w.subs.Streaming()
			if room != "" {
				n = w.shard.RoomCount(room)
			}
		})
		if err != nil {
			return 0, 0, err
		}
		connections += c
		streams += n
	}
	return connections, streams, nil
}
