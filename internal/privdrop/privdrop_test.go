package privdrop

import (
	"os/user"
	"strings"
	"testing"
)

// someDatabase knows www (33, group 33), root, a user with an odd number, and the group staff (50).
var someDatabase = database{
	user: func(name string) (*user.User, error) {
		switch name {
		case "www":
			return &user.User{Uid: "33", Gid: "33"}, nil
		case "root":
			return &user.User{Uid: "0", Gid: "0"}, nil
		case "odd":
			return &user.User{Uid: "S-1-5", Gid: "1"}, nil
		}
		return nil, user.UnknownUserError(name)
	},
	userID: func(uid string) (*user.User, error) {
		if uid == "33" {
			return &user.User{Uid: "33", Gid: "34"}, nil
		}
		return nil, user.UnknownUserIdError(0)
	},
	group: func(name string) (*user.Group, error) {
		switch name {
		case "staff":
			return &user.Group{Gid: "50"}, nil
		case "odd":
			return &user.Group{Gid: "x"}, nil
		}
		return nil, user.UnknownGroupError(name)
	},
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name, user, group string
		want              Identity
		err               string // part of it
	}{
		{name: "by name", user: "www", want: Identity{33, 33, "www"}},
		{name: "with a group", user: "www", group: "staff", want: Identity{33, 50, "www"}},
		{name: "with a group's number", user: "www", group: "60", want: Identity{33, 60, "www"}},
		{name: "with root's group", user: "www", group: "0", want: Identity{33, 0, "www"}},
		{name: "by number", user: "33", want: Identity{33, 34, "33"}},
		{name: "by numbers nobody knows", user: "4711", group: "4712", want: Identity{4711, 4712, "4711"}},
		{name: "number without a group", user: "4711", err: "add --group"},
		{name: "nobody", err: "no user"},
		{name: "unknown", user: "who", err: `there is no user "who"`},
		{name: "unknown group", user: "www", group: "what", err: `there is no group "what"`},
		{name: "root", user: "root", err: "is root"},
		{name: "root's number", user: "0", group: "1", err: "is root"},
		{name: "odd user", user: "odd", err: "odd number"},
		{name: "odd group", user: "www", group: "odd", err: "odd number"},
		{name: "the kernel's number for nobody", user: "4294967295", group: "1", err: "there is no user"},
		{name: "negative", user: "-1", group: "1", err: "there is no user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := resolve(someDatabase, c.user, c.group)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %+v, %v; want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestResolveKnowsTheSystem(t *testing.T) {
	if _, err := Resolve("root", ""); err == nil || !strings.Contains(err.Error(), "is root") {
		t.Errorf("root: got %v", err)
	}
	if got, err := Resolve("4711", "4712"); err != nil || got != (Identity{4711, 4712, "4711"}) {
		t.Errorf("numbers: got %+v, %v", got, err)
	}
}

func TestResolveGroup(t *testing.T) {
	for name, want := range map[string]int{"root": 0, "54321": 54321} {
		if got, err := ResolveGroup(name); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"", "no such group", "-1", "4294967295"} {
		if got, err := ResolveGroup(name); err == nil {
			t.Errorf("%q: got %d without an error", name, got)
		}
	}
}
