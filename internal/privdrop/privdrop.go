// Package privdrop gives up root and verifies that it cannot come back.
//
// It uses package syscall alone: those calls act on all threads of the process, where their namesakes in
// golang.org/x/sys/unix (Setgroups among them) act on the calling thread and leave the others root. The
// binary must be built without cgo, so that names are looked up in /etc/passwd and /etc/group.
package privdrop

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// Identity is whom a process becomes. It is never root.
type Identity struct {
	UID, GID int
	Name     string // the user as it was named, for logs
}

// Resolve finds the user and the group, each by name or number. An empty group is the user's own; a
// number that is in no user database has none, so the group must be said.
func Resolve(userName, groupName string) (Identity, error) {
	return resolve(database{user.Lookup, user.LookupId, user.LookupGroup}, userName, groupName)
}

// database is the system's user database.
type database struct {
	user   func(name string) (*user.User, error)
	userID func(uid string) (*user.User, error)
	group  func(name string) (*user.Group, error)
}

func resolve(db database, userName, groupName string) (Identity, error) {
	if userName == "" {
		return Identity{}, errors.New("no user to become was named")
	}
	id := Identity{Name: userName}
	primary := "" // the number of the user's own group
	uid, isNumber := parseID(userName)
	if isNumber {
		id.UID = uid
		if u, err := db.userID(strconv.Itoa(uid)); err == nil {
			primary = u.Gid
		}
	} else {
		u, err := db.user(userName)
		if err != nil {
			return Identity{}, fmt.Errorf("look up user %q: %w", userName, err)
		}
		if id.UID, isNumber = parseID(u.Uid); !isNumber {
			return Identity{}, fmt.Errorf("user %q has the odd number %q", userName, u.Uid)
		}
		primary = u.Gid
	}
	if id.UID == 0 {
		return Identity{}, fmt.Errorf("user %q is root, so nothing would be given up", userName)
	}
	gid, err := resolveGroup(db, groupName, primary)
	if err != nil {
		return Identity{}, fmt.Errorf("find the group of user %q: %w", userName, err)
	}
	id.GID = gid
	return id, nil
}

func resolveGroup(db database, name, primary string) (int, error) {
	number := name
	if name == "" {
		if primary == "" {
			return 0, errors.New("it is in no user database, so the group must be named too")
		}
		number = primary
	}
	if gid, ok := parseID(number); ok {
		return gid, nil
	}
	g, err := db.group(name)
	if err != nil {
		return 0, fmt.Errorf("look up group %q: %w", name, err)
	}
	gid, ok := parseID(g.Gid)
	if !ok {
		return 0, fmt.Errorf("group %q has the odd number %q", name, g.Gid)
	}
	return gid, nil
}

// parseID reads a user or group number. The last one of 32 bits is the kernel's "leave it as it is".
func parseID(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, false
	}
	return int(n), true
}
