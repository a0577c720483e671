package config

import (
	"slices"
	"strings"
	"testing"
)

const someSum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

func TestControlKeys(t *testing.T) {
	in := loadTOML("[control]\ntcp = \"127.0.0.1:1\"\ntcp_role = \"none\"\n" +
		"[[control.key]]\nid = \"shop\"\nrole = \"publish\"\nfile = \"/k\"\n" +
		"[[control.key]]\nid = \"ops\"\nrole = \"admin\"\nsha256 = \"" + someSum + "\"\n[control.tls]\n")
	in.Flags = enough
	s := mustLoad(t, in)
	want := []ControlKey{{ID: "shop", Role: "publish", File: "/k"}, {ID: "ops", Role: "admin", SHA256: someSum}}
	if !sameControlKeys(s.Control.Keys, want) || s.Control.TCPRole != "none" {
		t.Errorf("got %+v", s.Control)
	}
}

func TestControlKeyMistakes(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"no id", "[[control.key]]\nrole = \"read\"\nfile = \"x\"", "f:1:3: control.key: has no id"},
		{"odd id", "[[control.key]]\nid = \"a b\"\nrole = \"read\"\nfile = \"x\"", `the id "a b" is longer than 64 bytes or has other characters`},
		{"double id", strings.Repeat("[[control.key]]\nid = \"a\"\nrole = \"read\"\nfile = \"x\"\n", 2), `f:5:3: control.key: the id "a" is used twice`},
		{"role", "[[control.key]]\nid = \"a\"\nrole = \"adnim\"\nfile = \"x\"", `the role "adnim" is not one of read, publish, admin; did you mean "admin"?`},
		{"no secret", "[[control.key]]\nid = \"a\"\nrole = \"read\"", "must have either file or sha256"},
		{"two secrets", "[[control.key]]\nid = \"a\"\nrole = \"read\"\nfile = \"x\"\nsha256 = \"" + someSum + "\"", "must have either file or sha256"},
		{"short sum", "[[control.key]]\nid = \"a\"\nrole = \"read\"\nsha256 = \"2c26\"", "sha256 does not have 64 hexadecimal digits"},
		{"control character", "[[control.key]]\nid = \"a\"\nrole = \"read\"\nfile = \"x\\u0007\"", "file contains a control character"},
		{"single brackets", "[control.key]\nid = \"a\"", "control.key: is an array of tables; write the name in double brackets, [[control.key]]"},
		{"the key itself", "[[control.key]]\nkey = \"a\"", "control.key.key: there is no such setting"},
		{"nobody", "[control]\ntcp = \"127.0.0.1:1\"\ntcp_role = \"none\"", "nobody could use the control port"},
		{"tcp_role", "[control]\ntcp_role = \"admin\"", `control.tcp_role: "admin" is not one of none, read, publish`},
		{"peer", "[control]\nunix_admins = [\"www\"]", `control.unix_admins: "www" is neither a user nor a group; write "user:www-data" or "group:web"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := loadTOML(c.doc)
			in.Flags = enough
			_, err := Load(in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestUnixPeersOfAllKinds(t *testing.T) {
	in := loadTOML("")
	in.Flags = append(slices.Clone(enough), flags("--control-unix-admins=group:staff --control-unix-publishers=user:www --control-unix-publishers=user:1001 --control-unix-readers=group:7")...)
	s := mustLoad(t, in)
	if got := slices.Concat(s.Control.UnixAdmins, s.Control.UnixPublishers, s.Control.UnixReaders); !slices.Equal(got, []string{"group:staff", "user:www", "user:1001", "group:7"}) {
		t.Errorf("got %q", got)
	}
}

func TestControlKeysAreReloaded(t *testing.T) {
	old, next := valid(), valid()
	next.Control.Keys = []ControlKey{{ID: "a", Role: "read", File: "x", at: "f:1:1"}}
	if changed, restart := Diff(old, next); !slices.Equal(changed, []string{controlKeyKey}) || len(restart) > 0 {
		t.Errorf("changed %q, restart %q", changed, restart)
	}
	if got := Adopt(old, next); !sameControlKeys(got.Control.Keys, next.Control.Keys) {
		t.Errorf("not adopted: %+v", got.Control.Keys)
	}
}
