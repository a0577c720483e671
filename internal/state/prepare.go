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

// Prepare opens a directory for owner, to be used from now on, also when the process has become owner, and by no other
// process until Close. If there is none it makes one, mode 0700. One of owner's that Kubernetes
// made 2770 it makes 0700 again. As root it gives one that belongs to root to owner, with the files of the names in ours, but
// not if it holds anything else but directories of the names in others: a directory that was named by mistake must not
// be given away.
func Prepare(path string, owner Owner, ours, others []string) (*Dir, error) {
	path = filepath.Clean(path) // behind a slash at the end, it would be its own parent, and a link would be followed
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
		_, err = d.survey(ours, others) // before anything is put there
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

// Use opens a directory that is there and stays whose it is: owner's. No other process uses it until Close.
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

// Check says what Prepare, or with isUsed Use, would complain of, and changes nothing.
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
		return nil // it will be shut
	case has != owner.UID && isUsed:
		return wrongOwner(path, has, owner)
	}
	if err := d.checkClosed(); err != nil || has == owner.UID {
		return err
	}
	_, err = d.survey(ours, others)
	return err
}

// kernelFiles are file systems in which nobody can make a directory, whatever the permissions say.
var kernelFiles = []int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.DEVPTS_SUPER_MAGIC}

// CheckMakeable says why a directory that is not there cannot be made, as far as may be seen without making it.
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

// open opens a directory that is owner's or can be made so, and answers whose it is. A link to one will not do: who can
// turn it around could give the daemon another past.
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

// owner returns whose the directory is.
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

// checkClosed refuses a directory that others than its owner can change.
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

// isOfVolume reports whether the directory has the permissions that Kubernetes gives to each directory of a volume at the
// start of a pod with an fsGroup: those that it had, and all for the group, and setgid.
func (d *Dir) isOfVolume() bool {
	info, err := d.root.Stat(".")
	return err == nil && info.Mode()&fs.ModeSetgid != 0 && info.Mode()&anythingOfOthers == 0
}

// shut takes the permissions of the group from a directory of the daemon's own that isOfVolume. The volume's group is no
// business of the daemon's.
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

// WasOpen reports whether the group could write to the directory until it was opened. What is in it may be theirs.
func (d *Dir) WasOpen() bool { return d.wasOpen }

// give changes the owner of a directory that only root could fill until now: its files first, so that the new owner
// cannot change what is still being given.
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

// survey lists our files in the directory, and refuses one that holds anything else.
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

// isOurs says whether a file of this name is one of ours, one that is being written, or one that was set aside.
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
