package daemon

import (
	"errors"
	"slices"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/config"
)

// controlRights reads the keys of the control doors and looks up the users that have a role there.
func controlRights(s *config.Settings) (*admin.Rights, error) {
	o := admin.RightsOptions{
		TCP:            admin.Role(s.Control.TCPRole),
		UnixAdmins:     s.Control.UnixAdmins,
		UnixPublishers: s.Control.UnixPublishers,
		UnixReaders:    s.Control.UnixReaders,
	}
	if s.Control.Delimiter != "" {
		o.Delimiter = s.Control.Delimiter[0]
	}
	for _, k := range s.Control.Keys {
		o.Keys = append(o.Keys, admin.KeySource{ID: k.ID, Role: admin.Role(k.Role), File: k.File, SHA256: k.SHA256})
	}
	rights, err := admin.LoadRights(o)
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
