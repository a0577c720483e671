// Package privdrop drops root and every other right of the process, and verifies that they cannot
// be regained.
//
// It uses only calls that act on all threads of the process: those of packages syscall and threads.
// Their namesakes in golang.org/x/sys/unix (such as Setgroups, Prctl and Capset) act on the calling
// thread and leave the others root. The binary must be built without cgo, so that names are looked
// up in /etc/passwd and /etc/group.
package privdrop

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// Identity is the user and group to switch to. It is never root.
type Identity struct {
	UID, GID int
	Name     string // the user as configured, for logs
}

// Resolve returns the user and the group, each by name or number. An empty group means the primary
// group of the user. A user number that is in no user database has none, so it requires a group.
func Resolve(userName, groupName string) (Identity, error) {
	return resolve(systemDatabase, userName, groupName)
}

// ResolveGroup returns the number of a group given by name or number.
func ResolveGroup(name string) (int, error) {
	return groupNumber(systemDatabase, name)
}

// database looks up names.
type database struct {
	user   func(name string) (*user.User, error)
	userID func(uid string) (*user.User, error)
	group  func(name string) (*user.Group, error)
}

var systemDatabase = database{user.Lookup, user.LookupId, user.LookupGroup}

func resolve(db database, userName, groupName string) (Identity, error) {
	if userName == "" {
		return Identity{}, errors.New("no user to become was named")
	}
	uid, primary, err := userNumbers(db, userName)
	if err != nil {
		return Identity{}, err
	}
	if uid == 0 {
		return Identity{}, fmt.Errorf("%q is root; name a user without rights, or leave user out to stay root", userName)
	}
	if groupName == "" {
		if primary == "" {
			return Identity{}, fmt.Errorf("user %q is in no user database, so it has no group of its own; add --group", userName)
		}
		groupName = primary
	}
	gid, err := groupNumber(db, groupName)
	if err != nil {
		return Identity{}, err
	}
	return Identity{UID: uid, GID: gid, Name: userName}, nil
}

// userNumbers returns a user's number and that of its primary group, which is empty for an unknown
// user number.
func userNumbers(db database, name string) (uid int, primary string, err error) {
	if uid, ok := parseID(name); ok {
		if u, err := db.userID(strconv.Itoa(uid)); err == nil {
			primary = u.Gid
		}
		return uid, primary, nil
	}
	u, err := db.user(name)
	if _, isUnknown := errors.AsType[user.UnknownUserError](err); isUnknown {
		return 0, "", fmt.Errorf("there is no user %q; create it, or write its number", name)
	}
	if err != nil {
		return 0, "", fmt.Errorf("look up user %q: %w", name, err)
	}
	uid, ok := parseID(u.Uid)
	if !ok {
		return 0, "", fmt.Errorf("user %q has the odd number %q", name, u.Uid)
	}
	return uid, u.Gid, nil
}

func groupNumber(db database, name string) (int, error) {
	if gid, ok := parseID(name); ok {
		return gid, nil
	}
	g, err := db.group(name)
	if _, isUnknown := errors.AsType[user.UnknownGroupError](err); isUnknown {
		return 0, fmt.Errorf("there is no group %q; create it, or write its number", name)
	}
	if err != nil {
		return 0, fmt.Errorf("look up group %q: %w", name, err)
	}
	gid, ok := parseID(g.Gid)
	if !ok {
		return 0, fmt.Errorf("group %q has the odd number %q", name, g.Gid)
	}
	return gid, nil
}

// parseID reads a user or group number. To the kernel, the largest 32-bit number means "leave
// unchanged".
func parseID(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, false
	}
	return int(n), true
}
