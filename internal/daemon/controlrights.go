package daemon

import (
	"errors"
	"slices"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
)

// controlRights reads the keys of the control doors and looks up the users that have a role there.
func controlRights(s *config.Settings) (*admin.Rights, error) {
	rights, err := admin.LoadRights(options.Rights(s))
	if err != nil {
		return nil, &configurationError{err}
	}
	return rights, nil
}

// readRights reads the rights, and at a reload refuses those that the open socket makes too great.
func (r *reading) readRights() error {
	rights, err := controlRights(r.settings)
	if err == nil && r.daemon != nil {
		err = r.daemon.keepsOut(rights)
	}
	if err == nil {
		r.rights = rights
	}
	return err
}

// useReadRights is useControlRights as a part is used.
func (d *Daemon) useReadRights(r *reading) []string {
	if d.useControlRights(r.rights) && !slices.ContainsFunc(r.changed, isControlRight) {
		return []string{"control.key"} // the file is the same, what it holds is not
	}
	return nil
}

// keepsOut refuses rights that make every user of this machine an administrator, since the socket that is open lets them
// all connect, whatever control.unix_mode says now.
func (d *Daemon) keepsOut(rights *admin.Rights) error {
	if !d.isShared || rights.ListUsers() {
		return nil
	}
	return &fault{key: "control.unix_admins", err: errors.New("every user of this machine may connect to the control socket until the next start, and could do everything: keep a list of " + userLists)}
}

// useControlRights puts rights in force and says whether they are others. Whoever calls it holds d.reloading, or is the
// start.
func (d *Daemon) useControlRights(rights *admin.Rights) bool {
	isOther := d.rights != nil && !d.rights.Same(rights)
	d.rights = rights
	d.control.SetRights(rights)
	return isOther
}
