package acmecert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// PrepareCache makes sure that dir is a directory that the user uid, of group gid, can use and nobody else can read.
// It makes it, or as root gives it away, before privileges are dropped. A negative uid stands for whoever we are.
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
	owner, err := checkOwner(dir, uid)
	if err != nil || owner == uid {
		return err
	}
	return giveAway(dir, uid, gid)
}

// CheckCache says what PrepareCache, and a manager that uses the directory, would have to complain of. It changes
// nothing.
func CheckCache(dir, directoryURL string, uid int) error {
	if uid < 0 {
		uid = os.Geteuid()
	}
	_, err := checkOwner(dir, uid)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it will be made
	}
	if err == nil {
		_, err = newCache(dir, directoryURL).readState()
	}
	return err
}

// checkOwner refuses a directory that is not uid's own, or cannot become it, and answers whose it is.
func checkOwner(dir string, uid int) (owner int, err error) {
	owner, err = checkPrivate(dir)
	if err != nil {
		return 0, err
	}
	if owner != uid && (owner != 0 || os.Geteuid() != 0) {
		return 0, fmt.Errorf("the cache directory %s belongs to user %d, and the daemon would be user %d; run: chown -R %d %s", dir, owner, uid, uid, dir)
	}
	return owner, nil
}

// checkPrivate refuses a directory that anybody but its owner can enter or read, and answers who that is.
func checkPrivate(dir string) (owner int, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, fmt.Errorf("look at the cache directory: %w", err)
	}
	if !info.IsDir() {
		return 0, fmt.Errorf("the cache directory %s is not a directory", dir)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return 0, fmt.Errorf("the cache directory %s holds private keys, and others can get at it (mode %04o); run: chmod 700 %s", dir, perm, dir)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("the cache directory %s does not say whose it is", dir)
	}
	return int(stat.Uid), nil
}

// giveAway changes the owner of a directory that only root could fill until now, and of all in it; the directory last,
// so that the new owner cannot change what is still being given.
func giveAway(dir string, uid, gid int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the cache directory: %w", err)
	}
	defer func() { _ = root.Close() }()
	var below []string
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			below = append(below, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read the cache directory: %w", err)
	}
	for i := len(below) - 1; i >= 0; i-- { // what is in a directory before the directory
		if err := root.Lchown(below[i], uid, gid); err != nil {
			return fmt.Errorf("give %s to user %d: %w", filepath.Join(dir, below[i]), uid, err)
		}
	}
	if err := root.Lchown(".", uid, gid); err != nil {
		return fmt.Errorf("give the cache directory to user %d: %w", uid, err)
	}
	return nil
}
