package daemon

import (
	"errors"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
)

// controlRights reads the keys of the control protocol and looks up the users that have a role
// there.
func controlRights(s *config.Settings) (*access.Rights, error) {
	rights, err := access.LoadRights(options.Rights(s))
	if err != nil {
		return nil, &configurationError{err}
	}
	return rights, nil
}

// readRights reads the rights for a reload, and refuses those that the open socket would give to
// every user.
func (c *control) readRights(s *config.Settings) (*access.Rights, error) {
	rights, err := controlRights(s)
	if err == nil {
		err = c.refuseShared(rights)
	}
	return rights, err
}

// refuseShared refuses rights that make every user of this machine an administrator: the open
// socket lets them all connect, whatever control.unix_mode is now.
func (c *control) refuseShared(rights *access.Rights) error {
	if !c.isShared || rights.ListUsers() {
		return nil
	}
	return &fault{key: "control.unix_admins", err: errors.New("every user of this machine may connect to the control socket until the next start, and could do everything: keep a list of " + userLists)}
}

// useRights makes rights apply and reports whether they differ from the ones before.
func (c *control) useRights(rights *access.Rights) (isOther bool) {
	isOther = c.rights != nil && !c.rights.Same(rights)
	c.rights = rights
	c.keys.Store(rights)
	c.server.SetRights(rights)
	return isOther
}
