package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile is locked while the directory is in use. Only the owner can open it, so only the owner
// can lock it. It is never removed, because then two processes could each lock one.
const lockFile = ".lock"

// ErrInUse is the error if another process uses the directory.
var ErrInUse = errors.New("is used by another daemon that is still running; end that one first, or name another directory")

// take locks the directory until Close. Two daemons would overwrite each other's history, and the
// next one would continue with numbers that clients know from another. If nothing can be locked,
// for example because the disk is full, take assumes that no other process uses the directory.
func (d *Dir) take(owner Owner) error {
	f, err := d.openLock(owner)
	if err != nil {
		return nil //nolint:nilerr // the first write reports what is wrong
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return errors.Join(fmt.Errorf("%s %w", d.path, ErrInUse), f.Close())
	}
	d.lock = f
	return nil
}

// openLock opens the lock file, or creates it. It gives only a file that it has created to the
// owner: an existing one may be a hard link to another user's file.
func (d *Dir) openLock(owner Owner) (*os.File, error) {
	f, err := d.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return d.Open(lockFile)
	}
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if err := f.Chown(owner.UID, owner.GID); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return f, nil
}
