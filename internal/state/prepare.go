package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Prepare opens a directory for owner, to be used from now on, even after the process has switched
// to owner, and by no other process until Close. If there is none, it creates one with mode 0700.
// If the directory belongs to owner and Kubernetes has set mode 2770, Prepare restores 0700. If it
// belongs to root, a process that runs as root gives it to owner, with the files named in ours. It
// refuses if there is anything else, other than directories named in others: a directory configured
// by mistake must not be given away.
func Prepare(path string, owner Owner, ours, others []string) (*Dir, error) {
	path = filepath.Clean(path) // with a trailing slash, it would be its own parent, and a link would be followed
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	d, has, err := open(path, owner)
	if err != nil {
		return nil, err
	}
	if has == owner.UID {
		err = d.shut()
	} else if err = d.checkClosed(); err == nil {
		_, err = d.survey(ours, others) // before anything is created there
	}
	if err == nil {
		err = d.take(owner)
	}
	if err == nil && has != owner.UID {
		err = d.give(owner, ours, others)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// Use opens an existing directory that belongs to owner. No other process uses it until Close.
func Use(path string, owner Owner) (*Dir, error) {
	d, has, err := open(path, owner)
	if err != nil {
		return nil, err
	}
	err = d.checkClosed()
	switch {
	case has != owner.UID:
		err = wrongOwner(path, has, owner)
	case err == nil:
		err = d.take(owner)
	}
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// Check returns the error that Prepare, or with isUsed Use, would return, without changing
// anything.
func Check(path string, owner Owner, isUsed bool, ours, others []string) error {
	d, has, err := open(path, owner)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isUsed:
		return CheckMakeable(path)
	case err != nil:
		return err
	}
	defer func() { _ = d.Close() }()
	switch {
	case has == owner.UID && !isUsed && d.isOfVolume():
		return nil // Prepare makes it private
	case has != owner.UID && isUsed:
		return wrongOwner(path, has, owner)
	}
	if err := d.checkClosed(); err != nil || has == owner.UID {
		return err
	}
	_, err = d.survey(ours, others)
	return err
}

// kernelFiles are file systems in which nobody can create a directory, whatever the permissions.
var kernelFiles = []int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.DEVPTS_SUPER_MAGIC}

// CheckMakeable returns why a missing directory cannot be created, as far as can be seen without
// creating it.
func CheckMakeable(path string) error {
	above := filepath.Dir(filepath.Clean(path))
	info, err := os.Stat(above)
	for errors.Is(err, fs.ErrNotExist) && above != filepath.Dir(above) {
		above = filepath.Dir(above)
		info, err = os.Stat(above)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s cannot be made: %s is not a directory", path, above)
	}
	var in unix.Statfs_t
	if err := unix.Statfs(above, &in); err == nil && slices.Contains(kernelFiles, in.Type) {
		return fmt.Errorf("%s cannot be made: %s is the kernel's own; name another place", path, above)
	}
	if err := unix.Faccessat(unix.AT_FDCWD, above, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("%s cannot be made in %s: %w", path, above, err)
	}
	return nil
}

// open opens a directory that belongs to owner or can be given to it, and returns its present
// owner. It refuses a symbolic link: whoever can change the link could give the daemon another
// history.
func open(path string, owner Owner) (*Dir, int, error) {
	path = filepath.Clean(path)
	if info, err := os.Lstat(path); err != nil {
		return nil, 0, err
	} else if !info.IsDir() {
		return nil, 0, fmt.Errorf("%s is not a directory; a symbolic link to one will not do", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, 0, err
	}
	d := &Dir{path: path, root: root}
	has, err := d.owner()
	if err == nil && has != owner.UID && (has != 0 || os.Geteuid() != 0) {
		err = wrongOwner(path, has, owner)
	}
	if err != nil {
		_ = root.Close()
		return nil, 0, err
	}
	return d, has, nil
}

func wrongOwner(path string, has int, owner Owner) error {
	return fmt.Errorf("%s belongs to user %d, and the daemon would be user %d; run: chown %d %s; or name a directory in it, as %s, which the daemon makes for itself",
		path, has, owner.UID, owner.UID, path, filepath.Join(path, "hassesd"))
}

// owner returns the user who owns the directory.
func (d *Dir) owner() (int, error) {
	info, err := d.root.Stat(".")
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s does not say whose it is", d.path)
	}
	return int(stat.Uid), nil
}

const (
	writableByOthers = 0o022
	anythingOfOthers = 0o007
)

// checkClosed returns an error for a directory that other users can write to.
func (d *Dir) checkClosed() error {
	info, err := d.root.Stat(".")
	if err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&writableByOthers != 0 {
		return fmt.Errorf("others than its owner can write to %s (mode %04o); run: chmod 700 %s", d.path, perm, d.path)
	}
	return nil
}

// isOfVolume reports whether the directory has the permissions that Kubernetes sets on each
// directory of a volume when a pod with an fsGroup starts: the original ones, all for the group,
// and setgid.
func (d *Dir) isOfVolume() bool {
	info, err := d.root.Stat(".")
	return err == nil && info.Mode()&fs.ModeSetgid != 0 && info.Mode()&anythingOfOthers == 0
}

// shut removes the group's permissions from a directory for which isOfVolume is true.
func (d *Dir) shut() error {
	open := d.checkClosed()
	if open == nil || !d.isOfVolume() {
		return open
	}
	self, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer self.Close()
	if err := unix.Fchmod(int(self.Fd()), 0o700); err != nil {
		return fmt.Errorf("%w; the daemon cannot: %w", open, err)
	}
	d.wasOpen = true
	return nil
}

// WasOpen reports whether the group could write to the directory before it was opened. Its files
// may not be the daemon's.
func (d *Dir) WasOpen() bool { return d.wasOpen }

// give changes the owner of a directory that only root could write to. Its files come first, so
// that the new owner cannot interfere.
func (d *Dir) give(owner Owner, ours, others []string) error {
	files, err := d.survey(ours, others)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := d.root.Lchown(name, owner.UID, owner.GID); err != nil {
			return fmt.Errorf("give %s to user %d: %w", d.Path(name), owner.UID, err)
		}
	}
	self, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer self.Close()
	if err := unix.Fchown(int(self.Fd()), owner.UID, owner.GID); err != nil {
		return fmt.Errorf("give %s to user %d: %w", d.path, owner.UID, err)
	}
	return nil
}

// survey returns the names of our files in the directory, or an error if it contains anything else.
func (d *Dir) survey(ours, others []string) (files []string, err error) {
	all, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.path, err)
	}
	for _, e := range all {
		switch {
		case e.Type() == 0 && isOurs(e.Name(), ours):
			files = append(files, e.Name())
		case e.Type() == fs.ModeDir && slices.Contains(others, e.Name()):
		default:
			return nil, fmt.Errorf("%s belongs to root and holds %q, which is none of the daemon's own files, so it is not given to another user; name an empty directory, or one of its own",
				d.path, e.Name())
		}
	}
	return files, nil
}

// isOurs reports whether a file of this name is one of ours, one being written, or one set aside.
func isOurs(name string, ours []string) bool {
	if name == lockFile {
		return true
	}
	if hidden, ok := strings.CutPrefix(name, "."); ok {
		name, ok = strings.CutSuffix(hidden, newSuffix)
		return ok && slices.Contains(ours, name)
	}
	name, _, _ = strings.Cut(name, asideMark)
	return slices.Contains(ours, name)
}
