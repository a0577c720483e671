package certs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// TicketKeys returns the current keys, or false if sessions cannot be resumed and there is nothing
// to keep.
func (s *Store) TicketKeys() (TicketKeys, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.policy.Tickets {
		return TicketKeys{}, false
	}
	return TicketKeys{s.agreement(), slices.Clone(s.tickets)}, true
}

// TicketsChanged receives a value when the result of TicketKeys may have changed. It has at most
// one receiver.
func (s *Store) TicketsChanged() <-chan struct{} { return s.ticketsChanged }

// RestoreTickets restores keys from before a restart, so that clients can resume their sessions,
// and returns how many. It restores none that were made for other certificates or another policy,
// because sessions must not outlive them. It skips keys that are too old, and keys from the future,
// which a clock that was set back leaves behind. Call it after the certificates are set and before
// the first connection.
func (s *Store) RestoreTickets(k TicketKeys) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.policy.Tickets || k.of != s.agreement() {
		return 0
	}
	now := s.now()
	var ring ticketRing
	for _, one := range k.keys {
		// Restore the age and not the time, so that later changes of the clock do not change the
		// age.
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

// RotateTickets rotates the keys if that is due, and returns the time until the next rotation.
func (s *Store) RotateTickets() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.rotation(now) <= 0 {
		s.rotate(now)
	}
	return s.rotation(now)
}

// rotation returns how long the newest key remains in use.
func (s *Store) rotation(now time.Time) time.Duration {
	return TicketRotation - now.Sub(s.tickets[0].made)
}

// rotate adds a new key and uses it.
func (s *Store) rotate(now time.Time) {
	s.setTickets(s.tickets.rotated(now))
	if s.policy.Tickets {
		s.current.Load().config.SetSessionTicketKeys(s.tickets.keys())
	}
}

// agreement identifies what sessions are established under: the policy and all certificates.
// Tickets are valid for one agreement.
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
