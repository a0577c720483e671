package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile is locked by who uses the directory. Nobody but the owner can open it, so nobody else can lock it; it is never
// removed, or two could lock one each.
const lockFile = ".lock"

// ErrInUse is that another process uses the directory.
var ErrInUse = errors.New("is used by another daemon that is still running; end that one first, or name another directory")

// take makes the directory this process's alone, until Close. Two daemons would write their pasts over each other's, and
// the next one would go on with numbers that clients know from another. Where nothing can be locked, be it for want of
// room, that there is one alone is taken on trust.
func (d *Dir) take(owner Owner) error {
	f, err := d.openLock(owner)
	if err != nil {
		return nil //nolint:nilerr // what is wrong here will be told by the first file that is written
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return errors.Join(fmt.Errorf("%s %w", d.path, ErrInUse), f.Close())
	}
	d.lock = f
	return nil
}

// openLock opens the file, which it makes if there is none. Only one that it has made is given to the owner: another may
// be a second name of somebody else's file.
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
