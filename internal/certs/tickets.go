package certs

import (
	"crypto/rand"
	"crypto/tls"
	"slices"
	"time"
)

const (
	// TicketRotation is how long one key seals tickets, see [Store.RotateTickets]. A stolen key
	// decrypts sessions that were resumed with it in TLS 1.2 without forward secrecy, so keys live
	// a day and not the week that clients are told.
	TicketRotation = 8 * time.Hour
	// ticketKeys is how many keys open tickets. The newest seals them.
	ticketKeys = 3
)

// ticketKey is one key and its creation time.
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

// keys returns the ring in the form that crypto/tls expects.
func (r ticketRing) keys() [][32]byte {
	keys := make([][32]byte, 0, len(r))
	for _, k := range r {
		keys = append(keys, k.key)
	}
	return keys
}

// useTickets lets a configuration resume sessions with the keys of the ring. A ticket is valid only
// for its server name (RFC 6066 section 3). Otherwise, a client could reach one name with the
// session of another.
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
			return nil, nil //nolint:nilnil // crypto/tls then performs a full handshake
		}
		return session, nil
	}
}

// ticketName returns the form in which a ticket stores its server name.
func ticketName(serverName string) []byte { return []byte("hassesd name " + canonical(serverName)) }
