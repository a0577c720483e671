package edge

import (
	"net/netip"
	"sync"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/httppublish"
)

// postSlots bounds the POST requests in work. Any loop may use it.
type postSlots struct {
	mu sync.Mutex
	// guarded by mu
	total    int
	networks map[admission.Network]int
}

// acquire takes a slot, of most in all and half of them for one network that is not exempt. Give it
// back with release. Without a slot, it returns why.
func (s *postSlots) acquire(from netip.Addr, most int, isExempt bool) (refused httppublish.Code) {
	network := admission.NetworkOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.total >= most:
		return httppublish.CodeOverloaded
	case !isExempt && s.networks[network] >= max(1, most/2):
		return httppublish.CodeTooManyRequests
	}
	if s.networks == nil {
		s.networks = make(map[admission.Network]int)
	}
	s.total++
	s.networks[network]++
	return ""
}

// release gives the slot of a client back.
func (s *postSlots) release(from netip.Addr) {
	network := admission.NetworkOf(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.networks[network]--; s.networks[network] == 0 {
		delete(s.networks, network)
	}
}

// inWork returns the number of requests in work.
func (s *postSlots) inWork() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}
