package access

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os/user"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestUnixRole(t *testing.T) {
	listed, err := LoadRights(RightsOptions{
		UnixAdmins:     []string{"user:7", "group:70"},
		UnixPublishers: []string{"user:8", "user:7", "group:80"},
		UnixReaders:    []string{"user:9", "group:70", "group:90"},
	})
	if err != nil {
		t.Fatal(err)
	}
	onlyUsers, err := LoadRights(RightsOptions{UnixReaders: []string{"user:9"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		rights   *Rights
		uid, gid uint32
		groups   []uint32 // further ones
		want     api.Role
	}{
		{"no lists", DefaultRights(), 1000, 1000, nil, api.RoleAdmin},
		{"root", listed, 0, 0, nil, api.RoleAdmin},
		{"in two lists", listed, 7, 1, nil, api.RoleAdmin},
		{"publisher", listed, 8, 1, nil, api.RolePublish},
		{"reader", listed, 9, 1, nil, api.RoleRead},
		{"reader in a group of publishers", listed, 9, 80, nil, api.RolePublish},
		{"primary group", listed, 1000, 70, nil, api.RoleAdmin},
		{"further groups", listed, 1000, 1, []uint32{5, 90, 80}, api.RolePublish},
		{"a group's number is no user's", listed, 70, 1, nil, api.RoleNone},
		{"a user's number is no group's", listed, 1000, 7, nil, api.RoleNone},
		{"a stranger", listed, 1000, 1000, []uint32{1000}, api.RoleNone},
		{"a stranger to a list of users", onlyUsers, 10, 9, []uint32{9}, api.RoleNone},
	} {
		got := tc.rights.unixRole(&unix.Ucred{Uid: tc.uid, Gid: tc.gid}, func(uid uint32) []uint32 {
			if uid != tc.uid || !tc.rights.hasGroups() {
				t.Errorf("%s: asked for the groups of %d", tc.name, uid)
			}
			return tc.groups
		})
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// The lists apply to open connections, too.
func TestStandingOnTheUnixSocket(t *testing.T) {
	load := func(o RightsOptions) *Rights {
		r, err := LoadRights(o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const nobody = 4_000_000_000 // whom no user database has
	secret := "a-key-of-the-test"
	withKey := func(o RightsOptions) *Rights {
		sum := sha256.Sum256([]byte(secret))
		o.Keys = []KeySource{{ID: "k", Role: api.RolePublish, SHA256: hex.EncodeToString(sum[:])}}
		return load(o)
	}
	s := Principal{Endpoint: Unix, Peer: &unix.Ucred{Uid: nobody, Gid: nobody + 1}}
	for _, step := range []struct {
		name   string
		rights *Rights
		shows  bool
		want   api.Role
		keyID  string
	}{
		{"no lists", DefaultRights(), false, api.RoleAdmin, ""},
		{"a reader", load(RightsOptions{UnixReaders: []string{"user:4000000000"}}), false, api.RoleRead, ""},
		{"by group", load(RightsOptions{UnixPublishers: []string{"group:4000000001"}}), false, api.RolePublish, ""},
		{"in no list", load(RightsOptions{UnixAdmins: []string{"user:1"}}), false, api.RoleNone, ""},
		{"with a key", withKey(RightsOptions{UnixAdmins: []string{"user:1"}}), true, api.RolePublish, "k"},
		{"a key takes nothing away", withKey(RightsOptions{}), false, api.RoleAdmin, "k"},
		{"the key is gone", load(RightsOptions{UnixReaders: []string{"user:4000000000"}}), false, api.RoleRead, ""},
	} {
		s.Judge(step.rights, nil)
		if step.shows {
			k, _ := step.rights.find(sha256.Sum256([]byte(secret)))
			s.Show(k)
			s.Show(k)
		}
		if s.role != step.want || s.keyID != step.keyID || len(s.keys) > 1 {
			t.Errorf("%s: %s by key %q of %d, want %s by %q", step.name, s.role, s.keyID, len(s.keys), step.want, step.keyID)
		}
	}
	s = Principal{Endpoint: Unix} // the kernel did not say who it is
	if s.Judge(DefaultRights(), nil); s.role != api.RoleNone {
		t.Errorf("nobody has the role %s", s.role)
	}
}

// A client outside the networks has no role, whatever key it shows, and loses the role that it has
// on an open connection.
func TestNetworksOfPlainTCP(t *testing.T) {
	secret := sha256.Sum256([]byte("a-key-of-the-test"))
	load := func(networks ...string) *Rights {
		o := RightsOptions{Keys: []KeySource{{ID: "k", Role: api.RoleAdmin, SHA256: hex.EncodeToString(secret[:])}}}
		for _, n := range networks {
			o.TCPNetworks = append(o.TCPNetworks, netip.MustParsePrefix(n))
		}
		r, err := LoadRights(o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tc := range []struct {
		peer     string
		networks []string
		want     bool
	}{
		{"127.0.0.1", nil, true},
		{"::1", []string{"10.0.0.0/8"}, true},
		{"::ffff:127.0.0.9", nil, true},
		{"10.1.2.3", nil, false},
		{"10.1.2.3", []string{"172.16.0.0/12", "10.0.0.0/8"}, true},
		{"::ffff:10.1.2.3", []string{"10.0.0.0/8"}, true},
		{"11.0.0.1", []string{"10.0.0.0/8"}, false},
		{"fe80::1%eth0", []string{"fe80::/10"}, true},
		{"fe80::1", []string{"10.0.0.0/8"}, false},
	} {
		if got := load(tc.networks...).AllowsAddress(netip.MustParseAddr(tc.peer)); got != tc.want {
			t.Errorf("%s with %v: %v, want %v", tc.peer, tc.networks, got, tc.want)
		}
	}

	p := Principal{Endpoint: TCP, Address: netip.MustParseAddr("10.1.2.3")}
	open := load("10.0.0.0/8")
	p.Judge(open, nil)
	k, _ := open.find(secret)
	p.Show(k)
	if p.Role() != api.RoleAdmin {
		t.Errorf("role %s, want admin", p.Role())
	}
	if p.Judge(load("192.168.0.0/16"), nil); p.Role() != api.RoleNone || p.KeyID() != "" {
		t.Errorf("role %s by key %q after the network was removed", p.Role(), p.KeyID())
	}
	if p.Judge(open, nil); p.Role() != api.RoleAdmin {
		t.Errorf("role %s after the network is back", p.Role())
	}
}

func TestUnixPeersByName(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	r, err := LoadRights(RightsOptions{UnixPublishers: []string{"user:" + me.Username, "group:" + group.Name}})
	if err != nil || len(r.unix) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, wrong := range []string{"", "user:", me.Username, "uid:0", "user:nobody at all", "group:nobody at all", "user:4294967296"} {
		if _, err := LoadRights(RightsOptions{UnixReaders: []string{wrong}}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func TestGroupsOf(t *testing.T) {
	if got := groupsOf(0); len(got) == 0 {
		t.Error("root is in no group")
	}
	if got := groupsOf(4_000_000_000); got != nil {
		t.Errorf("nobody is in %v", got)
	}
}

func TestSameRights(t *testing.T) {
	base := RightsOptions{TCP: api.RoleRead, UnixReaders: []string{"user:1"}}
	load := func(change func(*RightsOptions)) *Rights {
		o := base
		change(&o)
		r, err := LoadRights(o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	same := load(func(*RightsOptions) {})
	if !same.Same(load(func(*RightsOptions) {})) {
		t.Error("equal rights differ")
	}
	sum := "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	for name, change := range map[string]func(*RightsOptions){
		"tcp":  func(o *RightsOptions) { o.TCP = api.RoleNone },
		"nets": func(o *RightsOptions) { o.TCPNetworks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"user": func(o *RightsOptions) { o.UnixReaders = []string{"user:2"} },
		"role": func(o *RightsOptions) { o.UnixAdmins = []string{"user:1"} },
		"more": func(o *RightsOptions) { o.UnixReaders = []string{"user:1", "user:2"} },
		"key":  func(o *RightsOptions) { o.Keys = []KeySource{{ID: "a", Role: api.RoleRead, SHA256: sum}} },
	} {
		if same.Same(load(change)) {
			t.Errorf("%s: a change is not seen", name)
		}
	}
}
