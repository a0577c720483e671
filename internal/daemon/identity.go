package daemon

import (
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/privdrop"
)

// resolveUser returns the user to become after binding; nil: none.
func resolveUser(s *config.Settings) (*privdrop.Identity, error) {
	if s.User == "" {
		return nil, nil //nolint:nilnil // no user is not an error
	}
	if s.Group != "" {
		if _, err := privdrop.ResolveGroup(s.Group); err != nil {
			return nil, &fault{key: "group", err: err}
		}
	}
	id, err := privdrop.Resolve(s.User, s.Group)
	if err != nil {
		return nil, &fault{key: "user", err: err}
	}
	return &id, nil
}

// unixGroup returns the group of the control socket: the daemon's own, as it will be after binding,
// unless the settings name one. -1 leaves it as it is.
func unixGroup(s *config.Settings, identity *privdrop.Identity) (int, error) {
	switch {
	case s.Control.UnixGroup == "" && identity == nil:
		return -1, nil
	case s.Control.UnixGroup == "":
		return identity.GID, nil
	}
	gid, err := privdrop.ResolveGroup(s.Control.UnixGroup)
	if err != nil {
		return 0, &fault{key: "control.unix_group", err: err}
	}
	return gid, nil
}

// listenGroup returns the group of the Unix sockets of listen, as unixGroup does that of the control
// socket.
func listenGroup(s *config.Settings, identity *privdrop.Identity) (int, error) {
	switch {
	case s.Proxy.UnixGroup == "" && identity == nil:
		return -1, nil
	case s.Proxy.UnixGroup == "":
		return identity.GID, nil
	}
	gid, err := privdrop.ResolveGroup(s.Proxy.UnixGroup)
	if err != nil {
		return 0, &fault{key: "proxy.unix_group", err: err}
	}
	return gid, nil
}

// fifoGroup returns the group that the settings name for the FIFO.
func fifoGroup(s *config.Settings) (int, error) {
	gid, err := privdrop.ResolveGroup(s.Control.FIFOGroup)
	if err != nil {
		return 0, &fault{key: "control.fifo_group", err: err}
	}
	return gid, nil
}
