package certs

import (
	"crypto/rand"
	"crypto/tls"
	"slices"
	"time"
)

const (
	// TicketRotation is how often [Store.RotateTickets] wants to be called: who steals a key can read what was resumed
	// with it in TLS 1.2 without forward secrecy, so keys live a day and not the week that clients are told.
	TicketRotation = 8 * time.Hour
	// ticketKeys is how many keys open tickets; the newest seals them.
	ticketKeys = 3
)

// ticketRing is the keys of session tickets, newest first.
type ticketRing [][32]byte

func newTicketRing() ticketRing { return ticketRing(nil).rotated() }

// rotated returns a ring with a new key at its head.
func (r ticketRing) rotated() ticketRing {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails, see crypto/rand
	next := append(ticketRing{key}, r...)
	return next[:min(len(next), ticketKeys)]
}

// useTickets lets a configuration resume sessions with the keys of the ring. A ticket is good for the name it was given
// for alone (RFC 6066 section 3), or a client could reach one name under the agreement with another.
func (r ticketRing) useTickets(config *tls.Config) {
	config.SetSessionTicketKeys(r)
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
