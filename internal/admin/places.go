package admin

import (
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
)

// placePatience is how long somebody new waits at a door without a place until one becomes free. Back ends of hasses' days
// connect for each message, faster than a busy machine starts to read: closing what is too many at that moment would
// lose messages that were sent, and the publisher would not hear of it.
const placePatience = 2 * time.Second

// doorPlaces is what is known of the places of one listening door. Guarded by Server.mu.
type doorPlaces struct {
	taken int
	// isStuck: somebody has waited in vain, and no place has been given back since. Nobody waits then, so that
	// connections that stay open for good make all others fail at once instead of one after another.
	isStuck bool
	freed   chan struct{} // closed when a place is given back; nil: nobody waits
}

// placesOf is what is known of a door's places. The caller holds s.mu.
func (s *Server) placesOf(kind access.Endpoint) *doorPlaces {
	p := s.open[kind]
	if p == nil {
		p = &doorPlaces{}
		s.open[kind] = p
	}
	return p
}

// takePlace takes one of a door's places, and waits for it if need be; what else comes to the door waits in the kernel
// meanwhile. It returns false when there is none, or the server stops. The caller holds s.mu, which is given up during
// the wait.
func (s *Server) takePlace(kind access.Endpoint) bool {
	var patience <-chan time.Time
	for p := s.placesOf(kind); s.state == serverServing; {
		if p.taken < s.places || s.evictStranger(kind) {
			p.taken++
			return true
		}
		if p.isStuck {
			return false
		}
		if p.freed == nil {
			p.freed = make(chan struct{})
		}
		if patience == nil {
			t := time.NewTimer(s.placePatience)
			defer t.Stop()
			patience = t.C
		}
		freed := p.freed
		s.mu.Unlock()
		isFreed := true
		select {
		case <-freed:
		case <-s.stopping:
		case <-patience:
			isFreed = false
		}
		s.mu.Lock()
		p.isStuck = !isFreed && p.taken >= s.places
	}
	return false
}

// leave gives the place of a connection back, once. The caller holds s.mu.
func (s *Server) leave(c *conn) {
	if !c.hasPlace {
		return
	}
	c.hasPlace = false
	p := s.placesOf(c.principal.Endpoint)
	p.taken--
	p.isStuck = false
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}
