package config

import (
	"os/user"
	"path/filepath"
	"strconv"
)

// Accounts looks up the user database. A nil function is the system's, of package os/user.
type Accounts struct {
	LookupUser   func(name string) (*user.User, error)
	LookupUserID func(uid string) (*user.User, error)
	LookupGroup  func(name string) (*user.Group, error)
}

func (a Accounts) orSystem() Accounts {
	if a.LookupUser == nil {
		a.LookupUser = user.Lookup
	}
	if a.LookupUserID == nil {
		a.LookupUserID = user.LookupId
	}
	if a.LookupGroup == nil {
		a.LookupGroup = user.LookupGroup
	}
	return a
}

func (c *checker) accounts(a Accounts) {
	c.user(a)
	if c.s.Group != "" && c.s.User == "" {
		c.complain("group", "add --user", "a group without a user: the daemon would stay root and could take every right back")
	}
	switch {
	case c.s.Chroot != "" && c.s.User == "":
		c.complain("chroot", "add --user", "a chroot without a user: root can leave every chroot")
	case c.s.Chroot != "" && !filepath.IsAbs(c.s.Chroot):
		c.complain("chroot", "write it from / on", "%q is not an absolute path", c.s.Chroot)
	}
	c.group("group", c.s.Group, a)
	c.group("control.unix_group", c.s.Control.UnixGroup, a)
	c.group("control.fifo_group", c.s.Control.FIFOGroup, a)
	c.unixPeers(a)
}

func (c *checker) user(a Accounts) {
	name := c.s.User
	if name == "" {
		return
	}
	uid := name
	if !isID(name) {
		u, err := a.LookupUser(name)
		if err != nil {
			c.complain("user", "create it, or write its number", "there is no user %q", name)
			return
		}
		uid = u.Uid
	} else if _, err := a.LookupUserID(name); err != nil && c.s.Group == "" {
		c.complain("group", "add --group", "user %s is in no user database, so it has no group of its own", name)
	}
	if n, err := strconv.ParseUint(uid, 10, 32); err == nil && n == 0 {
		c.complain("user", "name one without rights, or leave user out to stay root", "%q is root", name)
	}
}

func (c *checker) group(key, name string, a Accounts) {
	if name == "" || isID(name) {
		return
	}
	if _, err := a.LookupGroup(name); err != nil {
		c.complain(key, "create it, or write its number", "there is no group %q", name)
	}
}

// isID tells a number from a name. The last number of 32 bits is the kernel's "leave it as it is".
func isID(text string) bool {
	n, err := strconv.ParseUint(text, 10, 32)
	return err == nil && n != 1<<32-1
}
