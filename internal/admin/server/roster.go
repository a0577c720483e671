package server

import (
	"errors"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// defaultSlots is how many slots an endpoint has when the options leave it open.
const defaultSlots = 128

// roster holds the connections of a server, and decides which of them are served. A connection with
// a role has a slot of its endpoint; one without waits in the lobby.
type roster struct {
	// Fixed after creation.
	slotsOfEach   int
	slotPatience  time.Duration
	lobbyPatience time.Duration
	networks      *networks
	stopping      chan struct{} // closed with rosterStopping

	running sync.WaitGroup // accept loops and connections

	mu      sync.Mutex // guards all below
	state   rosterState
	seats   map[*seat]struct{}
	slots   map[access.Endpoint]*slots
	lobbies map[access.Endpoint]*lobby
	made    uint64 // connections so far, which numbers them
}

// rosterState is the life of a server.
type rosterState uint8

const (
	rosterOpening  rosterState = iota // listeners may be added
	rosterServing                     // connections are admitted
	rosterStopping                    // no connection is admitted any more; what has arrived is finished
)

var (
	// errEvicted is the end of a connection without a role whose room went to another.
	errEvicted = errors.New("it had no role, and its room was given to another connection")
	// errNoSlot is the end of a connection with a role for which no slot became free.
	errNoSlot = errors.New("all connections of this listener are taken (control.connections); try again")
)

func newRoster(slotsOfEach int, n *networks) *roster {
	return &roster{
		slotsOfEach:   slotsOfEach,
		slotPatience:  slotPatience,
		lobbyPatience: lobbyPatience,
		networks:      n,
		stopping:      make(chan struct{}),
		seats:         make(map[*seat]struct{}),
		slots:         make(map[access.Endpoint]*slots),
		lobbies:       make(map[access.Endpoint]*lobby),
	}
}

func (r *roster) isState(s rosterState) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == s
}

// serve starts to admit connections. It reports whether the roster was opening.
func (r *roster) serve() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != rosterOpening {
		return false
	}
	r.state = rosterServing
	return true
}

// add runs a connection that needs no slot.
func (r *roster) add(s *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start(s)
}

// admit runs a connection once there is a slot for it or, if it is unprivileged, at once if there
// is room in the lobby. Otherwise it returns why not: "" when the server stops.
func (r *roster) admit(s *seat, isUnprivileged bool) (reason api.Refusal, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.isUnprivileged = isUnprivileged
	if isUnprivileged {
		reason, ok = r.receive(s)
	} else if ok = r.acquireSlot(s.endpoint); ok {
		s.state = seatSlot
	} else if r.state == rosterServing {
		reason = api.RefusedConnections
	}
	if ok {
		r.start(s)
	}
	return reason, ok
}

// start runs a connection. The caller holds mu.
func (r *roster) start(s *seat) {
	r.made++
	s.number = r.made
	r.seats[s] = struct{}{}
	r.running.Go(s.occupant.run)
}

// receive lets a connection without a role into the lobby, or returns why not. The caller holds mu.
func (r *roster) receive(s *seat) (reason api.Refusal, ok bool) {
	if r.state != rosterServing {
		return "", false
	}
	if s.endpoint == access.TLS {
		if reason, ok := r.networks.admit(s.address); !ok {
			return reason, false
		}
		s.isCounted = true
	}
	evicted, ok := r.lobbyOf(s.endpoint).arrive(time.Now(), s)
	if !ok {
		r.uncount(s)
		return api.RefusedConnections, false
	}
	if evicted != nil {
		r.uncount(evicted)
		r.evict(evicted)
	}
	return "", true
}

// enter gives a connection that now has a role the slot that goes with it, and waits for one if
// need be.
func (r *roster) enter(s *seat) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case s.state == seatSlot, s.endpoint == access.FIFO:
		s.isUnprivileged = false
		return nil
	case !s.isInLobby():
		return errEvicted
	}
	s.state = seatEntering
	if !r.acquireSlot(s.endpoint) {
		s.state = seatLobby
		return errNoSlot
	}
	r.leaveLobby(s)
	s.state, s.isUnprivileged = seatSlot, false
	return nil
}

// demote marks a connection that has lost its role: it gives way when others want its slot.
func (r *roster) demote(s *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.isUnprivileged = true
}

// remove forgets a connection that has ended.
func (r *roster) remove(s *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seats, s)
	r.releaseSlot(s)
	r.leaveLobby(s)
}

// isEvicted reports whether the connection had to leave for another.
func (r *roster) isEvicted(s *seat) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.isEvicted
}

// stop ends the waits and stops all connections; no further one is admitted. It reports whether the
// roster was serving.
func (r *roster) stop() (wasServing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wasServing = r.state == rosterServing
	if r.state != rosterStopping {
		close(r.stopping)
	}
	r.state = rosterStopping
	for s := range r.seats {
		s.occupant.stop()
	}
	return wasServing
}

// abortAll cuts all connections off.
func (r *roster) abortAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.seats {
		s.occupant.abort()
	}
}

// acquireSlot takes one of an endpoint's slots, and waits for it if need be; the kernel keeps
// further connections to the endpoint waiting meanwhile. It reports false when there is none, or
// the server stops. The caller holds mu, which is given up during the wait.
func (r *roster) acquireSlot(endpoint access.Endpoint) bool {
	var patience <-chan time.Time
	for p := r.slotsOf(endpoint); r.state == rosterServing; {
		if p.taken < r.slotsOfEach || r.evictUnprivileged(endpoint) {
			p.taken++
			return true
		}
		if p.isStuck {
			return false
		}
		if patience == nil {
			t := time.NewTimer(r.slotPatience)
			defer t.Stop()
			patience = t.C
		}
		freed := p.wait()
		r.mu.Unlock()
		isFreed := true
		select {
		case <-freed:
		case <-r.stopping:
		case <-patience:
			isFreed = false
		}
		r.mu.Lock()
		p.isStuck = !isFreed && p.taken >= r.slotsOfEach
	}
	return false
}

// evictUnprivileged frees the slot of the oldest connection that has lost its role: a connection
// that may do nothing must keep no other out. It reports false when there is none. The caller holds
// mu.
func (r *roster) evictUnprivileged(endpoint access.Endpoint) bool {
	var oldest *seat
	for s := range r.seats {
		if s.endpoint == endpoint && s.isUnprivileged && s.state == seatSlot && (oldest == nil || s.number < oldest.number) {
			oldest = s
		}
	}
	if oldest == nil {
		return false
	}
	r.releaseSlot(oldest)
	r.evict(oldest)
	return true
}

// evict ends a connection for another. The caller holds mu.
func (r *roster) evict(s *seat) {
	s.isEvicted = true
	s.occupant.abort()
}

// releaseSlot gives the slot of a connection back, if it has one. The caller holds mu.
func (r *roster) releaseSlot(s *seat) {
	if s.state == seatSlot {
		s.state = seatOutside
		r.slotsOf(s.endpoint).release()
	}
}

// leaveLobby takes a connection out of its lobby, if it is in there. The caller holds mu.
func (r *roster) leaveLobby(s *seat) {
	if s.isInLobby() {
		r.lobbyOf(s.endpoint).leave(s)
		r.uncount(s)
	}
}

// uncount undoes what the table of networks counted. The caller holds mu.
func (r *roster) uncount(s *seat) {
	if s.isCounted {
		s.isCounted = false
		r.networks.release(s.address)
	}
}

// slotsOf returns the slots of an endpoint. The caller holds mu.
func (r *roster) slotsOf(endpoint access.Endpoint) *slots {
	p := r.slots[endpoint]
	if p == nil {
		p = &slots{}
		r.slots[endpoint] = p
	}
	return p
}

// lobbyOf returns the lobby of an endpoint. The caller holds mu.
func (r *roster) lobbyOf(endpoint access.Endpoint) *lobby {
	l := r.lobbies[endpoint]
	if l == nil {
		l = newLobby(endpoint, r.slotsOfEach, r.lobbyPatience)
		r.lobbies[endpoint] = l
	}
	return l
}
