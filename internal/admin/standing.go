package admin

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// standing is who is at the other end of a control connection, and what follows from that by the rules in force. A reload
// makes new rules, which hold from the next command on: nobody keeps what was taken away by staying.
type standing struct {
	// Fixed once the connection is identified.
	door  doorKind
	peer  *unix.Ucred         // of the Unix socket; nil: not to be found out
	chain []*x509.Certificate // of the TLS door, the peer's own first
	since time.Time           // when chain was shown

	keys [][sha256.Size]byte // hashes of the keys that were shown and in force then, the last one last; never two equal ones

	// What follows from these rules.
	rights *Rights  // nil: nothing was judged yet
	access *Access  // of the TLS door; nil at the others
	role   api.Role // the greatest of what the door and the keys give
	keyID  string   // of the last of the keys that is in force; empty: there is none
}

// judge finds out what follows from the rules.
func (s *standing) judge(rights *Rights, access *Access) {
	s.rights, s.access = rights, access
	s.role, s.keyID = s.ofDoor(), ""
	for _, sum := range s.keys {
		k, ok := rights.find(sum)
		if !ok {
			continue
		}
		s.keyID = k.id
		if !s.role.Includes(k.role) {
			s.role = k.role
		}
	}
}

// ofDoor is what the door gives without any key.
func (s *standing) ofDoor() api.Role {
	switch s.door {
	case doorUnix:
		if s.peer == nil {
			return api.RoleNone
		}
		return s.rights.unixRole(s.peer, groupsOf)
	case doorTCP:
		return s.rights.tcp
	case doorTLS:
		if len(s.chain) == 0 || s.access.verify(s.chain, s.since) != nil {
			return api.RoleNone
		}
		role, _ := s.access.roleOf(s.chain[0])
		return role
	case doorFIFO:
		return api.RolePublish
	}
	return api.RoleNone
}

// show takes note of a key that is in force, and forgets those that no longer are: so there are no more than rights has.
func (s *standing) show(k key) {
	s.keys = slices.DeleteFunc(s.keys, func(sum [sha256.Size]byte) bool {
		_, ok := s.rights.find(sum)
		return sum == k.sum || !ok
	})
	s.keys = append(s.keys, k.sum)
	s.judge(s.rights, s.access)
}

// rules returns what connections of a door are judged by now.
func (s *Server) rules(door doorKind) (*Rights, *Access) {
	if door != doorTLS {
		return s.rights.Load(), nil
	}
	return s.rights.Load(), s.access.Load()
}

// role is what the connection may do now.
func (c *conn) role() api.Role {
	s := &c.standing
	rights, access := c.server.rules(s.door)
	if rights == s.rights && access == s.access {
		return s.role
	}
	was := s.role
	s.judge(rights, access)
	c.setStranger(s.role == api.RoleNone)
	if was != "" && was != s.role {
		c.log.Info("role of a control connection changed", "was", string(was), "role", string(s.role))
	}
	return s.role
}

// setStranger says whether the connection has to give way when others want its place.
func (c *conn) setStranger(is bool) {
	if !is {
		_ = c.server.enter(c) // without a place it goes on, as long as nobody wants its room
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.isStranger = true
}
