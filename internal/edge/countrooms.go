package edge

import "context"

// CountRooms counts the rooms that streams have named, each once, on however many loops it is. It never holds more than
// a page of names of each loop.
func (s *Server) CountRooms(ctx context.Context) (int, error) {
	pages := make([]roomPage, len(s.workers))
	for i, w := range s.workers {
		pages[i].w = w
		if err := pages[i].turn(ctx); err != nil {
			return 0, err
		}
	}
	count := 0
	for {
		first, found := "", false
		for i := range pages {
			if name, ok := pages[i].next(); ok && (!found || name < first) {
				first, found = name, true
			}
		}
		if !found {
			return count, nil
		}
		count++
		for i := range pages {
			if name, ok := pages[i].next(); ok && name == first {
				if err := pages[i].pass(ctx); err != nil {
					return 0, err
				}
			}
		}
	}
}

// roomPage is the rooms of one worker, in their order, a page at a time.
type roomPage struct {
	w     *worker
	rooms []roomCount // still to come, of this page
	last  string      // name of this page; the next one begins behind it
	ended bool        // there is no other page
}

func (p *roomPage) next() (name string, ok bool) {
	if len(p.rooms) == 0 {
		return "", false
	}
	return p.rooms[0].room, true
}

// pass leaves the next room behind.
func (p *roomPage) pass(ctx context.Context) error {
	if p.rooms = p.rooms[1:]; len(p.rooms) > 0 || p.ended {
		return nil
	}
	return p.turn(ctx)
}

// turn takes the next page.
func (p *roomPage) turn(ctx context.Context) error {
	if err := p.w.ask(ctx, func() { p.rooms = p.w.copyRooms("", p.last) }); err != nil {
		return err
	}
	p.ended = len(p.rooms) < roomsPerTurn
	if n := len(p.rooms); n > 0 {
		p.last = p.rooms[n-1].room
	}
	return nil
}
