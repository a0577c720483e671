package certs

import (
	"crypto/rand"
	"crypto/tls"
	"slices"
	"time"
)

const (
	// TicketRotation is how long tickets are sealed with one key, see [Store.TendTickets]: who steals a key can read what was resumed
	// with it in TLS 1.2 without forward secrecy, so keys live a day and not the week that clients are told.
	TicketRotation = 8 * time.Hour
	// ticketKeys is how many keys open tickets; the newest seals them.
	ticketKeys = 3
)

// ticketKey is one key and when it was made.
type ticketKey struct {
	key  [32]byte
	made time.Time
}

// ticketRing is the keys of session tickets, newest first.
type ticketRing []ticketKey

func newTicketRing(now time.Time) ticketRing { return ticketRing(nil).rotated(now) }

// rotated returns a ring with a new key at its head.
func (r ticketRing) rotated(now time.Time) ticketRing {
	k := ticketKey{made: now}
	_, _ = rand.Read(k.key[:]) // never fails, see crypto/rand
	next := append(ticketRing{k}, r...)
	return next[:min(len(next), ticketKeys)]
}

// keys is the ring as crypto/tls takes it.
func (r ticketRing) keys() [][32]byte {
	keys := make([][32]byte, 0, len(r))
	for _, k := range r {
		keys = append(keys, k.key)
	}
	return keys
}

// useTickets lets a configuration resume sessions with the keys of the ring. A ticket is good for the name it was given
// for alone (RFC 6066 section 3), or a client could reach one name under the agreement with another.
func (r ticketRing) useTickets(config *tls.Config) {
	config.SetSessionTicketKeys(r.keys())
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		session.Extra = append(session.Extra, ticketName(state.ServerName))
		return config.EncryptTicket(state, session)
	}
	config.UnwrapSession = func(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		session, err := config.DecryptTicket(identity, state)
		if err != nil || session == nil {
			return nil, err
		}
		if !slices.ContainsFunc(session.Extra, func(e []byte) bool { return string(e) == string(ticketName(state.ServerName)) }) {
			return nil, nil //nolint:nilnil // crypto/tls reads this as: no such session, shake hands in full
		}
		return session, nil
	}
}

// ticketName is what a ticket keeps of the name it was given for.
func ticketName(serverName string) []byte { return []byte("hassesd name " + canonical(serverName)) }
