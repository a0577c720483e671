package access

import (
	"crypto/sha256"
	"crypto/x509"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// Principal is who is at the other end of a control connection, and what follows from that by the
// current rules. A reload makes new rules, which apply from the next command on: staying connected
// keeps no right that was taken away.
type Principal struct {
	// Fixed once the connection is identified.
	Endpoint Endpoint
	Peer     *unix.Ucred         // of the Unix socket; nil: unknown
	Address  netip.Addr          // of plain TCP
	Chain    []*x509.Certificate // of TLS, the peer's own first
	Since    time.Time           // when Chain was shown

	keys [][sha256.Size]byte // hashes of the valid keys that were shown, without duplicates, the last one last

	// What follows from these rules.
	rights *Rights    // nil: Judge was not called yet
	access *MutualTLS // of TLS; nil at the other endpoints
	role   api.Role   // the greatest of what the endpoint and the keys give
	keyID  string     // of the last key that is still valid; empty: there is none
}

// Judge applies the rules. access is nil at all endpoints but TLS.
func (p *Principal) Judge(rights *Rights, access *MutualTLS) {
	p.rights, p.access = rights, access
	p.role, p.keyID = p.ofEndpoint(), ""
	if p.Endpoint == TCP && !rights.AllowsAddress(p.Address) {
		p.role = api.RoleNone // and no key changes that
		return
	}
	for _, sum := range p.keys {
		k, ok := rights.find(sum)
		if !ok {
			continue
		}
		p.keyID = k.ID
		if !p.role.Includes(k.Role) {
			p.role = k.Role
		}
	}
}

// ofEndpoint returns what the endpoint gives without any key.
func (p *Principal) ofEndpoint() api.Role {
	switch p.Endpoint {
	case Unix:
		if p.Peer == nil {
			return api.RoleNone
		}
		return p.rights.unixRole(p.Peer, groupsOf)
	case TCP:
		return p.rights.tcp
	case TLS:
		if len(p.Chain) == 0 || p.access.Verify(p.Chain, p.Since) != nil {
			return api.RoleNone
		}
		role, _ := p.access.RoleOf(p.Chain[0])
		return role
	case FIFO:
		return api.RolePublish
	}
	return api.RoleNone
}

// Show adds a valid key and drops those that no longer are, so that the principal never has more
// keys than the rights.
func (p *Principal) Show(k Key) {
	p.keys = slices.DeleteFunc(p.keys, func(sum [sha256.Size]byte) bool {
		_, ok := p.rights.find(sum)
		return sum == k.sum || !ok
	})
	p.keys = append(p.keys, k.sum)
	p.Judge(p.rights, p.access)
}

// IsJudgedBy reports whether these are the rules that were applied last.
func (p *Principal) IsJudgedBy(rights *Rights, access *MutualTLS) bool {
	return p.rights == rights && p.access == access
}

// Role returns what the rules that were applied last give; empty: none were applied.
func (p *Principal) Role() api.Role { return p.role }

// KeyID returns the id of the last key that was shown and applies; empty: there is none.
func (p *Principal) KeyID() string { return p.keyID }

// FindKey returns the key that secret is, by the rules that were applied last.
func (p *Principal) FindKey(secret string) (Key, bool) {
	return p.rights.FindKey(secret)
}
