package config

import (
	"path/filepath"
	"strings"
)

// user checks what needs no user database. Whether users and groups exist is for the packages that look them up.
func (c *checker) user() {
	if c.s.Group != "" && c.s.User == "" {
		c.complain("group", "add --user", "a group without a user: the daemon would stay root and could take every right back")
	}
	switch {
	case c.s.Chroot != "" && c.s.User == "":
		c.complain("chroot", "add --user", "a chroot without a user: root can leave every chroot")
	case c.s.Chroot != "" && !filepath.IsAbs(c.s.Chroot):
		c.complain("chroot", "write it from / on", "%q is not an absolute path", c.s.Chroot)
	}
}

// unixPeers checks the lists of who may use the Unix socket, and for what.
func (c *checker) unixPeers() {
	ctl := &c.s.Control
	for _, list := range []struct {
		key   string
		peers []string
	}{
		{"control.unix_admins", ctl.UnixAdmins}, {"control.unix_publishers", ctl.UnixPublishers}, {"control.unix_readers", ctl.UnixReaders},
	} {
		for _, peer := range list.peers {
			if kind, name, _ := strings.Cut(peer, ":"); name == "" || kind != "user" && kind != "group" {
				c.complain(list.key, `write "user:www-data" or "group:web", by name or number`, "%q is neither a user nor a group", peer)
			}
		}
	}
}
