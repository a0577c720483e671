package certs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// ticketVersion is that of the text form of [TicketKeys].
const ticketVersion = 1

// ticketLife is how long a key opens tickets. It is what the rotation makes of it, said again for keys from before a
// restart.
const ticketLife = ticketKeys * TicketRotation

// TicketKeys are the keys of session tickets as they outlive the daemon. They are worth as much as the private keys for
// TLS 1.2 sessions of a day, and are not to be logged.
type TicketKeys struct {
	of   string // what they were made for, see Store.agreement
	keys ticketRing
}

// LogValue hides the keys from logs.
func (k TicketKeys) LogValue() slog.Value { return slog.IntValue(len(k.keys)) }

// String hides the keys from everything else.
func (k TicketKeys) String() string { return fmt.Sprintf("%d keys", len(k.keys)) }

// ticketText is the text form of TicketKeys.
type ticketText struct {
	Version int             `json:"version"`
	For     string          `json:"for"`
	Keys    []ticketKeyText `json:"keys"` // newest first
}

type ticketKeyText struct {
	Made time.Time `json:"made"`
	Key  []byte    `json:"key"`
}

// Encode returns the text form, to be kept where nobody else can read it.
func (k TicketKeys) Encode() []byte {
	text := ticketText{Version: ticketVersion, For: k.of, Keys: []ticketKeyText{}}
	for _, one := range k.keys {
		text.Keys = append(text.Keys, ticketKeyText{one.made.UTC().Round(0), one.key[:]})
	}
	b, err := json.MarshalIndent(text, "", "\t")
	if err != nil {
		panic("certs: internal error: keys and times cannot be JSON: " + err.Error())
	}
	return append(b, '\n')
}

// ParseTicketKeys reads the text form. The error never quotes it.
func ParseTicketKeys(b []byte) (TicketKeys, error) {
	var text ticketText
	if err := json.Unmarshal(b, &text); err != nil {
		return TicketKeys{}, errors.New("it is not the JSON of session ticket keys")
	}
	if text.Version != ticketVersion {
		return TicketKeys{}, fmt.Errorf("it is of version %d, and this hassesd knows version %d", text.Version, ticketVersion)
	}
	if text.For == "" || len(text.Keys) == 0 || len(text.Keys) > ticketKeys {
		return TicketKeys{}, fmt.Errorf("it holds %d keys, and should hold 1 to %d and say what for", len(text.Keys), ticketKeys)
	}
	k := TicketKeys{of: text.For}
	for _, one := range text.Keys {
		var key ticketKey
		key.made = one.Made.UTC()
		if len(one.Key) != len(key.key) || allZero(one.Key) || key.made.Year() < 1970 || key.made.Year() > 9999 {
			return TicketKeys{}, errors.New("one of its keys is none, or of no time")
		}
		copy(key.key[:], one.Key)
		k.keys = append(k.keys, key)
	}
	return k, nil
}

func allZero(key []byte) bool {
	return !slices.ContainsFunc(key, func(b byte) bool { return b != 0 })
}

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
func (s *Store) TendTickets() time.Duration {
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

// setTickets is the only door to the ring, and tells whoever keeps the keys.
func (s *Store) setTickets(ring ticketRing) {
	s.tickets = ring
	select {
	case s.ticketsChanged <- struct{}{}:
	default: // the signal before has not been seen yet, and stands for this one too
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
