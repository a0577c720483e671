package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// RightsOptions are what peers without a certificate may do.
type RightsOptions struct {
	// TCP is the role of plain TCP connections. Empty: publish.
	TCP api.Role

	// TCPNetworks may reach plain TCP, beside this machine.
	TCPNetworks []netip.Prefix

	// The users and groups of this machine that have each role on the Unix socket, as user:NAME and
	// group:NAME, by name or number. A user in several lists has the greatest role, root has all
	// roles, and a user in no list has none. All empty: every user who may connect is an
	// administrator.
	UnixAdmins     []string
	UnixPublishers []string
	UnixReaders    []string

	// Keys give a role to any connection that shows one, at every endpoint but the FIFO.
	Keys []KeySource

	// Delimiter ends a classic command, so no key may have it.
	Delimiter byte
}

// Rights are RightsOptions checked and read. They never change.
type Rights struct {
	tcp      api.Role
	networks []netip.Prefix        // that may reach plain TCP, beside this machine
	unix     map[unixPeer]api.Role // empty: every user is an administrator
	keys     []Key
}

// unixPeer is a user or a group of this machine.
type unixPeer struct {
	isGroup bool
	id      uint32
}

// LoadRights reads the keys and looks up the users. The error joins all that is wrong, as
// [*SettingError]s.
func LoadRights(o RightsOptions) (*Rights, error) {
	r := &Rights{tcp: o.TCP, networks: slices.Clone(o.TCPNetworks), unix: make(map[unixPeer]api.Role)}
	if r.tcp == "" {
		r.tcp = api.RolePublish
	}
	var problems []error
	for _, list := range []struct {
		role    api.Role
		setting string
		peers   []string
	}{{api.RoleRead, "unix_readers", o.UnixReaders}, {api.RolePublish, "unix_publishers", o.UnixPublishers}, {api.RoleAdmin, "unix_admins", o.UnixAdmins}} { // a later one is greater
		for _, text := range list.peers {
			peer, err := parseUnixPeer(text)
			if err != nil {
				problems = append(problems, &SettingError{list.setting, fmt.Errorf("role %s on the control socket: %w", list.role, err)})
				continue
			}
			r.unix[peer] = list.role
		}
	}
	for _, source := range o.Keys {
		k, err := source.load(o.Delimiter)
		if err != nil {
			problems = append(problems, &SettingError{"key", fmt.Errorf("control key %q: %w", source.ID, err)})
			continue
		}
		r.keys = append(r.keys, k)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return r, nil
}

// DefaultRights are what applies without settings: the Unix socket is for administrators, plain TCP
// for publishers, and there are no keys.
func DefaultRights() *Rights { return &Rights{tcp: api.RolePublish} }

func parseUnixPeer(text string) (unixPeer, error) {
	kind, name, _ := strings.Cut(text, ":")
	id := name
	switch {
	case name == "" || kind != "user" && kind != "group":
		return unixPeer{}, fmt.Errorf(`%q is neither a user nor a group: write "user:www-data" or "group:web"`, text)
	case isNumber(name):
	case kind == "user":
		u, err := user.Lookup(name)
		if err != nil {
			return unixPeer{}, err
		}
		id = u.Uid
	default:
		g, err := user.LookupGroup(name)
		if err != nil {
			return unixPeer{}, err
		}
		id = g.Gid
	}
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return unixPeer{}, fmt.Errorf("the number of %s: %w", text, err)
	}
	return unixPeer{isGroup: kind == "group", id: uint32(n)}, nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// unixRole returns the role of the process at the other end of the Unix socket. groupsOf looks up
// the groups of a user.
func (r *Rights) unixRole(peer *unix.Ucred, groupsOf func(uid uint32) []uint32) api.Role {
	if !r.ListUsers() || peer.Uid == 0 {
		return api.RoleAdmin
	}
	role := api.RoleNone
	raise := func(p unixPeer) {
		if has, ok := r.unix[p]; ok && !role.Includes(has) {
			role = has
		}
	}
	raise(unixPeer{id: peer.Uid})
	raise(unixPeer{isGroup: true, id: peer.Gid})
	if role == api.RoleAdmin || !r.hasGroups() {
		return role
	}
	for _, gid := range groupsOf(peer.Uid) {
		raise(unixPeer{isGroup: true, id: gid})
	}
	return role
}

func (r *Rights) hasGroups() bool {
	for p := range r.unix {
		if p.isGroup {
			return true
		}
	}
	return false
}

// groupsOf returns the groups of a user, by the user database; none if that does not know the user.
func groupsOf(uid uint32) []uint32 {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return nil
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var gids []uint32
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			gids = append(gids, uint32(n))
		}
	}
	return gids
}

// ListUsers reports whether lists decide what a user of this machine may do on the Unix socket.
// Without lists, every user who may connect may do everything.
func (r *Rights) ListUsers() bool { return len(r.unix) > 0 }

// UnreadableKeys returns the key files that the process, with its present rights, could not read
// again.
func (r *Rights) UnreadableKeys() []string {
	var paths []string
	for _, k := range r.keys {
		if k.file == "" {
			continue
		}
		f, err := openAccessFile(k.file)
		if err != nil {
			paths = append(paths, k.file)
			continue
		}
		f.Close()
	}
	return paths
}

// ListNetworks reports whether other machines may reach plain TCP at all.
func (r *Rights) ListNetworks() bool { return len(r.networks) > 0 }

// AllowsAddress reports whether a peer with that address may use plain TCP.
func (r *Rights) AllowsAddress(peer netip.Addr) bool {
	peer = peer.Unmap().WithZone("")
	return peer.IsLoopback() || slices.ContainsFunc(r.networks, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// Same reports whether both give the same roles.
func (r *Rights) Same(other *Rights) bool {
	if r.tcp != other.tcp || len(r.unix) != len(other.unix) || !slices.Equal(r.keys, other.keys) || !slices.Equal(r.networks, other.networks) {
		return false
	}
	for peer, role := range r.unix {
		if other.unix[peer] != role {
			return false
		}
	}
	return true
}

// FindKey returns the key that secret is. It takes the same time whichever key it is, or none.
func (r *Rights) FindKey(secret string) (Key, bool) { return r.find(sha256.Sum256([]byte(secret))) }

// find returns the key with that hash. It takes the same time whichever key it is, or none.
func (r *Rights) find(sum [sha256.Size]byte) (Key, bool) {
	var found Key
	ok := false
	for _, k := range r.keys {
		if subtle.ConstantTimeCompare(sum[:], k.sum[:]) == 1 {
			found, ok = k, true
		}
	}
	return found, ok
}
