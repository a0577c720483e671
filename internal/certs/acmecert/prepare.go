package acmecert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// PrepareCache ensures that dir is a directory that user uid with group gid can use and nobody else
// can read. It creates the directory if necessary. As root, it gives the directory to uid, but only
// if the directory contains nothing but a cache. Call it before privileges are dropped. A negative
// uid means the current user.
func PrepareCache(dir string, uid, gid int) error {
	if uid < 0 {
		uid, gid = os.Geteuid(), os.Getegid()
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the cache directory: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the cache directory: %w", err)
	}
	d, err := openDirectory(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	owner, err := checkOwner(d, uid)
	switch {
	case err != nil:
		return err
	case owner == uid:
		return makePrivate(d)
	}
	if err := checkPrivate(d); err != nil {
		return err
	}
	return giveAway(d, uid, gid)
}

// CheckCache returns the error that PrepareCache would return, without changing anything.
func CheckCache(dir string, uid int) error {
	if uid < 0 {
		uid = os.Geteuid()
	}
	d, err := openDirectory(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // PrepareCache creates it
	}
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	owner, err := checkOwner(d, uid)
	if err != nil {
		return err
	}
	if err := checkPrivate(d); owner == uid || err != nil {
		if isOfVolume(d) && owner == uid {
			return nil // PrepareCache makes it private
		}
		return err
	}
	root, _, err := survey(d)
	if err != nil {
		return err
	}
	return root.Close()
}

// openDirectory opens the directory dir, with O_PATH. It does not follow a symbolic link.
func openDirectory(dir string) (*os.File, error) {
	// A trailing slash would follow a link.
	d, err := os.OpenFile(filepath.Clean(dir), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("the cache directory %s is not a directory; a symbolic link to one will not do", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the cache directory: %w", err)
	}
	return d, nil
}

// checkOwner returns the owner of a directory, or an error unless it is uid or can become uid.
func checkOwner(d *os.File, uid int) (owner int, err error) {
	info, err := d.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at the cache directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("the cache directory %s does not say whose it is", d.Name())
	}
	if owner = int(stat.Uid); owner != uid && (owner != 0 || os.Geteuid() != 0) {
		return 0, fmt.Errorf("the cache directory %s belongs to user %d, and the daemon would be user %d; run: chown -R %d %s; or name a directory in it, which the daemon makes for itself",
			d.Name(), owner, uid, uid, d.Name())
	}
	return owner, nil
}

// checkPrivate returns an error for a directory that other users can enter or read.
func checkPrivate(d *os.File) error {
	info, err := d.Stat()
	if err != nil {
		return fmt.Errorf("look at the cache directory: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("the cache directory %s holds private keys, and others can get at it (mode %04o); run: chmod 700 %s", d.Name(), perm, d.Name())
	}
	return nil
}

// isOfVolume reports whether the directory has the permissions that Kubernetes sets on each
// directory of a volume when a pod with an fsGroup starts: the original ones, all for the group,
// and setgid.
func isOfVolume(d *os.File) bool {
	info, err := d.Stat()
	return err == nil && info.Mode()&fs.ModeSetgid != 0 && info.Mode()&0o007 == 0
}

// makePrivate removes the group's permissions from a directory for which isOfVolume is true.
func makePrivate(d *os.File) error {
	denied := checkPrivate(d)
	if denied == nil || !isOfVolume(d) {
		return denied
	}
	// fchmod does not accept an O_PATH descriptor, so use its name in /proc, which leads to the
	// same file.
	if err := os.Chmod(fmt.Sprintf("/proc/self/fd/%d", d.Fd()), 0o700); err != nil {
		return fmt.Errorf("%w; the daemon cannot: %w", denied, err)
	}
	return nil
}

// giveAway changes the owner of a directory that only root could write to, and of everything in it.
// The directory comes last, so that the new owner cannot interfere.
func giveAway(d *os.File, uid, gid int) error {
	root, below, err := survey(d)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for i := len(below) - 1; i >= 0; i-- { // contents before their directory
		if err := root.Lchown(below[i], uid, gid); err != nil {
			return fmt.Errorf("give %s to user %d: %w", filepath.Join(d.Name(), below[i]), uid, err)
		}
	}
	if err := unix.Fchownat(int(d.Fd()), "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("give the cache directory to user %d: %w", uid, err)
	}
	return nil
}

// survey opens the directory d and lists everything in it, each directory before its contents. It
// returns an error for anything that does not belong to a cache, because a directory configured by
// mistake must not be given away.
func survey(d *os.File) (root *os.Root, below []string, err error) {
	root, err = os.OpenRoot(d.Name())
	if err != nil {
		return nil, nil, fmt.Errorf("open the cache directory: %w", err)
	}
	defer func() {
		if err != nil {
			_ = root.Close()
		}
	}()
	opened, err := root.Stat(".")
	if err != nil {
		return nil, nil, fmt.Errorf("look at the cache directory: %w", err)
	}
	if looked, err := d.Stat(); err != nil || !os.SameFile(opened, looked) {
		return nil, nil, fmt.Errorf("the cache directory %s was replaced while it was looked at", d.Name())
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("read the cache directory: %w", err)
		case path == ".":
			return nil
		case !isOurs(path, e.Type()):
			return fmt.Errorf("the cache directory %s belongs to root and holds %q, which is none of the cache's own files, so it is not given to another user; name an empty directory, or one of its own",
				d.Name(), path)
		}
		below = append(below, path)
		return nil
	})
	return root, below, err
}

// isOurs reports whether a cache writes the file at path, which is relative to the cache directory.
func isOurs(path string, kind fs.FileMode) bool {
	authority, file, isBelow := strings.Cut(path, "/")
	if !isBelow {
		return kind == fs.ModeDir && isAuthorityDirectory(authority)
	}
	return kind == 0 && isCacheFile(file)
}
