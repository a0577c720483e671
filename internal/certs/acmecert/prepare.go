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

// PrepareCache makes sure that dir is a directory that the user uid, of group gid, can use and nobody else can read.
// It makes it, or as root gives it away, before privileges are dropped; but only one that holds nothing besides a cache.
// A negative uid stands for whoever we are.
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

// CheckCache says what PrepareCache would have to complain of. It changes nothing.
func CheckCache(dir string, uid int) error {
	if uid < 0 {
		uid = os.Geteuid()
	}
	d, err := openDirectory(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it will be made
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
			return nil // it will be made private
		}
		return err
	}
	root, _, err := survey(d)
	if err != nil {
		return err
	}
	return root.Close()
}

// openDirectory opens what is at dir itself, not what a symbolic link there points to; to be looked at, not to be read.
func openDirectory(dir string) (*os.File, error) {
	// Behind a slash at the end, a link would be followed.
	d, err := os.OpenFile(filepath.Clean(dir), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("the cache directory %s is not a directory; a symbolic link to one will not do", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the cache directory: %w", err)
	}
	return d, nil
}

// checkOwner refuses a directory that is not uid's own, or cannot become it, and answers whose it is.
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

// checkPrivate refuses a directory that anybody but its owner can enter or read.
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

// isOfVolume reports whether the directory has the permissions that Kubernetes gives to each directory of a volume at the
// start of a pod with an fsGroup: those that it had, and all for the group, and setgid.
func isOfVolume(d *os.File) bool {
	info, err := d.Stat()
	return err == nil && info.Mode()&fs.ModeSetgid != 0 && info.Mode()&0o007 == 0
}

// makePrivate takes the permissions of the group from a directory of the daemon's own that isOfVolume.
func makePrivate(d *os.File) error {
	denied := checkPrivate(d)
	if denied == nil || !isOfVolume(d) {
		return denied
	}
	// The descriptor is only for looking, so it goes by its name, which leads to the very file.
	if err := os.Chmod(fmt.Sprintf("/proc/self/fd/%d", d.Fd()), 0o700); err != nil {
		return fmt.Errorf("%w; the daemon cannot: %w", denied, err)
	}
	return nil
}

// giveAway changes the owner of a directory that only root could fill until now, and of all in it; the directory last,
// so that the new owner cannot change what is still being given.
func giveAway(d *os.File, uid, gid int) error {
	root, below, err := survey(d)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for i := len(below) - 1; i >= 0; i-- { // what is in a directory before the directory
		if err := root.Lchown(below[i], uid, gid); err != nil {
			return fmt.Errorf("give %s to user %d: %w", filepath.Join(d.Name(), below[i]), uid, err)
		}
	}
	if err := unix.Fchownat(int(d.Fd()), "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("give the cache directory to user %d: %w", uid, err)
	}
	return nil
}

// survey opens the directory d and lists all in it, each directory before what it holds. It refuses one that holds what
// no cache does: a directory that was named by mistake must not be given away.
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

// isOurs says whether the cache itself makes what is at path, which starts at the cache directory.
func isOurs(path string, kind fs.FileMode) bool {
	authority, file, isBelow := strings.Cut(path, "/")
	if !isBelow {
		return kind == fs.ModeDir && isAuthorityDirectory(authority)
	}
	return kind == 0 && isCacheFile(file)
}
