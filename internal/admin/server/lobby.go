package server

import (
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/list"
)

// lobbyPatience is how long a connection may be without a role when others want its room: the
// handshake of a distant client takes two or three round trips, and a person who pastes a key is
// slower, but rarely competes with others.
const lobbyPatience = time.Second

// lobby holds the connections of one endpoint that have no role yet, so that they take no slots
// from those that have. An origin (a network, or a user of this machine) has its share and no more.
// No connection has to leave that came a moment ago: the lobby refuses a new one for which it has
// no room instead. Guarded by roster.mu.
type lobby struct {
	room     int // in all
	share    int // of one origin
	patience time.Duration
	origins  map[string]*list.List[seat] // those with connections, each in the order of arrival
	held     int
}

// newLobby returns the lobby of an endpoint with so many slots. With TLS, anyone in the world may
// connect. On plain TCP all addresses are this machine's, and a share means nothing.
func newLobby(endpoint access.Endpoint, slots int, patience time.Duration) *lobby {
	l := &lobby{room: slots, share: slots, patience: patience, origins: make(map[string]*list.List[seat])}
	switch endpoint {
	case access.TLS:
		l.room = 4 * slots
		l.share = max(4, l.room/8)
	case access.Unix:
		l.share = max(2, slots/4)
	case access.TCP, access.FIFO:
	}
	return l
}

// arrive takes a seat in if there is room, and returns the one that has to leave for it, nil for
// none.
func (l *lobby) arrive(now time.Time, s *seat) (evicted *seat, ok bool) {
	own := l.origins[s.origin]
	switch {
	case own != nil && own.Len() >= l.share:
		evicted = oldestOf(own)
	case l.held >= l.room:
		evicted = l.oldest(now)
	default:
		l.add(now, s)
		return nil, true
	}
	if evicted == nil || now.Sub(evicted.arrived) < l.patience {
		return nil, false
	}
	l.leave(evicted)
	l.add(now, s)
	return evicted, true
}

func (l *lobby) add(now time.Time, s *seat) {
	own := l.origins[s.origin]
	if own == nil {
		own = &list.List[seat]{}
		l.origins[s.origin] = own
	}
	s.arrived, s.state = now, seatLobby
	own.Push(&s.node, s)
	l.held++
}

// leave takes a seat out.
func (l *lobby) leave(s *seat) {
	own := l.origins[s.origin]
	own.Remove(&s.node)
	if own.Len() == 0 {
		delete(l.origins, s.origin)
	}
	s.state = seatOutside
	l.held--
}

// oldest returns the seat that has to leave first when the lobby is full: of the origin with the
// most, if one of its own is old enough.
func (l *lobby) oldest(now time.Time) *seat {
	var found *seat
	most := 0
	for _, own := range l.origins {
		s := oldestOf(own)
		if s == nil || now.Sub(s.arrived) < l.patience || own.Len() < most {
			continue
		}
		if own.Len() > most || s.arrived.Before(found.arrived) {
			found, most = s, own.Len()
		}
	}
	return found
}

// oldestOf returns the oldest seat of an origin that does not wait for a slot already; nil: all do.
func oldestOf(own *list.List[seat]) *seat {
	for s := range own.All() {
		if s.state != seatEntering {
			return s
		}
	}
	return nil
}
