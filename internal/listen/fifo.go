package listen

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrFIFOInUse means that another process, perhaps another hassesd, reads the FIFO.
var ErrFIFOInUse = errors.New("another process reads this FIFO, perhaps another hassesd")

// privateMode is the mode of a FIFO that is not ready yet: for its owner only.
const privateMode = 0o600

// FIFO opens a FIFO for reading. It makes a missing one; no other user can open that before it has
// the mode and, unless gid is negative, the group. It uses one that is there if it is a FIFO,
// belongs to root or to us, and is not open to everybody, unless mode is; if it may, it gives that
// one mode and group, too. It holds the FIFO open for writing as well, so that it outlives its
// writers. One that another process reads is [ErrFIFOInUse].
func FIFO(path string, perm os.FileMode, gid int) (*os.File, error) {
	mode := uint32(perm.Perm())
	err := unix.Mkfifo(path, privateMode) // the umask can only take more away
	made := err == nil
	if !made && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !made && isRead(path) {
		return nil, fmt.Errorf("%s: %w: each of the two would get some of the commands; end it, or choose another path", path, ErrFIFOInUse)
	}
	// O_NONBLOCK is for the runtime's poller; opening for both never waits for a peer on Linux.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link: name the FIFO itself", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	st, err := checkFIFO(fd, path, mode)
	if err != nil {
		f.Close()
		return nil, err
	}
	if err := shareFIFO(fd, &st, mode, gid); err != nil {
		if made { // the next start would find it, and could not share it either
			err = errors.Join(err, removeFIFO(fd, path))
		}
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// isRead reports whether a process has the FIFO open for reading: only then can it be opened for
// writing without waiting.
func isRead(path string) bool {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// checkFIFO returns the status of fd if it is a FIFO that can be trusted.
func checkFIFO(fd int, path string, mode uint32) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return st, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFIFO:
		return st, fmt.Errorf("%s is there and is not a FIFO: it is left alone; choose another path or remove it", path)
	case st.Uid != 0 && int(st.Uid) != os.Geteuid() && os.Geteuid() != 0:
		return st, fmt.Errorf("%s belongs to user %d: remove it", path, st.Uid)
	case st.Mode&unix.S_IWOTH != 0 && mode&unix.S_IWOTH == 0:
		// Changing its mode would not be enough: a process that has it open already could go on.
		return st, fmt.Errorf("every user may write to %s, and so publish: remove it, or set control.fifo_mode = \"0666\" if that is intended", path)
	}
	return st, nil
}

// shareFIFO sets mode and group where they differ from those in st. It leaves root's FIFO as it is
// unless we are root.
func shareFIFO(fd int, st *unix.Stat_t, mode uint32, gid int) error {
	if me := os.Geteuid(); me != 0 && int(st.Uid) != me {
		return nil
	}
	if st.Mode&0o7777 == mode && (gid < 0 || int(st.Gid) == gid) {
		return nil
	}
	if gid >= 0 && int(st.Gid) != gid {
		// So that neither group has, for a moment, the access that is meant for the other.
		if err := unix.Fchmod(fd, privateMode); err != nil {
			return err
		}
		if err := unix.Fchown(fd, -1, gid); err != nil {
			return errors.Join(fmt.Errorf("give it to group %d: %w", gid, err), unix.Fchmod(fd, st.Mode&0o7777))
		}
	}
	return unix.Fchmod(fd, mode)
}

// removeFIFO removes the FIFO, unless another file has its name by now.
func removeFIFO(fd int, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if made := (fileID{st.Dev, st.Ino}); !made.isAt(path) {
		return nil
	}
	return os.Remove(path)
}
