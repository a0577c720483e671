package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// maxSocketPath is the longest path that fits into a sockaddr_un with its final NUL.
const maxSocketPath = 107

// Modes of a directory made for the socket: its group may enter, and others if they may connect.
const (
	dirMode       = 0o750
	sharedDirMode = 0o751
)

// probeTimeout is how long a daemon that may still be alive has to take a connection.
const probeTimeout = time.Second

// Unix listens on a Unix socket at path, see [UnixSocket].
func Unix(path string, mode os.FileMode, gid int) (l net.Listener, remove func(), err error) {
	fd, remove, err := UnixSocket(path, mode, gid)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() // the listener has a descriptor of its own
	l, err = net.FileListener(f)
	if err != nil {
		remove()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, remove, nil
}

// UnixSocket returns a descriptor that listens on a Unix socket at path, with mode, and with group
// gid unless that is negative. Nobody can connect before mode and group are set. It replaces the
// socket of a daemon that is gone; a live one, or anything that is not a socket, is an error. It
// makes a missing directory, 0750 (0751 where others may connect) and of the same group. remove
// removes the socket's file, if it is still the same.
func UnixSocket(path string, mode os.FileMode, gid int) (fd int, remove func(), err error) {
	if len(path) > maxSocketPath {
		return -1, nil, fmt.Errorf("%s: the path has %d bytes and a socket's can have %d", path, len(path), maxSocketPath)
	}
	if err := PrepareDir(filepath.Dir(path), mode, gid); err != nil {
		return -1, nil, err
	}
	if err := clearStale(path); err != nil {
		return -1, nil, err
	}
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("%s: %w", path, err)
	}
	if remove, err = bindUnix(fd, path, mode, gid); err != nil {
		_ = unix.Close(fd)
		return -1, nil, err
	}
	return fd, remove, nil
}

// bindUnix makes fd listen at path.
func bindUnix(fd int, path string, mode os.FileMode, gid int) (remove func(), err error) {
	// The file that bind makes takes the mode of the descriptor: it is private from its first
	// moment. Besides, there is nothing to connect to before listen.
	if err := unix.Fchmod(fd, 0o600); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	made, err := share(path, mode, gid)
	if err != nil {
		return nil, err
	}
	remove = func() {
		if made.isAt(path) {
			os.Remove(path)
		}
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		remove()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return remove, nil
}

// PrepareDir makes the directory of a socket with socketMode, or checks that no other user can
// replace the socket.
func PrepareDir(dir string, socketMode os.FileMode, gid int) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if socketMode&0o002 != 0 {
			return makeDir(dir, sharedDirMode, gid)
		}
		return makeDir(dir, dirMode, gid)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if me := os.Geteuid(); st.Uid != 0 && int(st.Uid) != me && me != 0 {
		return fmt.Errorf("the directory %s belongs to user %d, who could put a false socket there", dir, st.Uid)
	}
	if st.Mode&unix.S_IWOTH != 0 && st.Mode&unix.S_ISVTX == 0 {
		return fmt.Errorf("every user may write to the directory %s, and could put a false socket there", dir)
	}
	return nil
}

func makeDir(dir string, mode os.FileMode, gid int) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	if err := shareDir(dir, mode, gid); err != nil {
		// The next start would use it as it is, and its group could never pass.
		return errors.Join(err, os.Remove(dir))
	}
	return nil
}

func shareDir(dir string, mode os.FileMode, gid int) error {
	if gid >= 0 {
		if err := os.Chown(dir, -1, gid); err != nil {
			return err
		}
	}
	return os.Chmod(dir, mode) // the umask may have cleared bits
}

// clearStale removes the socket of a daemon that is gone.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is not a socket: it is left alone; choose another path or remove it", path)
	}
	d := net.Dialer{Timeout: probeTimeout}
	c, err := d.DialContext(context.Background(), "unix", path)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("%s is in use: another daemon answers there, perhaps another hassesd (hassesctl status tells its pid); end it, or give this one another path", path)
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return fmt.Errorf("%s is there, and whether a daemon answers is not to be found out: %w", path, err)
}

// fileID identifies a file, whatever its name is.
type fileID struct{ dev, ino uint64 }

func (id fileID) isAt(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && id == fileID{st.Dev, st.Ino}
}

// share gives the bound socket its group and mode. It works on the file itself, not on its name,
// which another user may be able to replace by a link.
func share(path string, mode os.FileMode, gid int) (fileID, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fileID{}, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }() // it was opened for its path only
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fileID{}, fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fileID{}, fmt.Errorf("%s was replaced while it was made", path)
	}
	if gid >= 0 {
		if err := unix.Fchownat(fd, "", -1, gid, unix.AT_EMPTY_PATH); err != nil {
			return fileID{}, fmt.Errorf("give %s to group %d: %w", path, gid, err)
		}
	}
	if err := os.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode.Perm()); err != nil {
		return fileID{}, fmt.Errorf("set the mode of %s: %w", path, err)
	}
	return fileID{st.Dev, st.Ino}, nil
}
