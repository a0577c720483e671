package certs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// TicketKeys returns the keys in force; false if sessions cannot be resumed, so that there is nothing to keep.
func (s *Store) TicketKeys() (TicketKeys, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.policy.Tickets {
		return TicketKeys{}, false
	}
	return TicketKeys{s.agreement(), slices.Clone(s.tickets)}, true
}

// TicketsChanged is sent to when TicketKeys has, or may have, another answer. There is one receiver at most.
func (s *Store) TicketsChanged() <-chan struct{} { return s.ticketsChanged }

// RestoreTickets takes over keys from before a restart, so that clients resume their sessions, and answers how many. None are
// if they were made for other certificates or another policy, which a session must not outlive; and none that are older
// than a rotation leaves any, or from the future, as a clock that was set back makes them. It wants to be called when the
// certificates are there and nobody has been served yet.
func (s *Store) RestoreTickets(k TicketKeys) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.policy.Tickets || k.of != s.agreement() {
		return 0
	}
	now := s.now()
	var ring ticketRing
	for _, one := range k.keys {
		// The age, and not the time, is what is taken over: no change of the clock makes the key older or younger from now on.
		if age := now.Round(0).Sub(one.made); age >= 0 && age < ticketLife {
			ring = append(ring, ticketKey{one.key, now.Add(-age)})
		}
	}
	if len(ring) == 0 {
		return 0
	}
	restored := len(ring)
	s.setTickets(ring)
	if s.rotation(now) <= 0 {
		s.tickets = s.tickets.rotated(now)
	}
	s.current.Load().config.SetSessionTicketKeys(s.tickets.keys())
	return restored
}

// TendTickets rotates the keys if that is due, and answers how long it is until then.
func (s *Store) RotateTickets() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.rotation(now) <= 0 {
		s.rotate(now)
	}
	return s.rotation(now)
}

// rotation is how long the newest key is still to be used.
func (s *Store) rotation(now time.Time) time.Duration {
	return TicketRotation - now.Sub(s.tickets[0].made)
}

// rotate puts a new key in force.
func (s *Store) rotate(now time.Time) {
	s.setTickets(s.tickets.rotated(now))
	if s.policy.Tickets {
		s.current.Load().config.SetSessionTicketKeys(s.tickets.keys())
	}
}

// agreement identifies what a session is agreed under: the policy and all certificates. Tickets are good for one only.
func (s *Store) agreement() string {
	hashes := make([]string, 0, len(s.files)+len(s.acme))
	for _, p := range s.all() {
		hashes = append(hashes, p.info.SHA256)
	}
	slices.Sort(hashes)
	sum := sha256.New()
	fmt.Fprintf(sum, "%+v %q", s.policy, slices.Compact(hashes))
	return hex.EncodeToString(sum.Sum(nil))
}
