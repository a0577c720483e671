package admin

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fifoMode lets the owner read and write, and the group write.
const fifoMode = 0o620

// OpenFIFO opens a FIFO for classic commands, which get no answers. A missing one is made with mode 0620 and, unless
// gid is negative, that group. One that is there is used if it is a FIFO, belongs to root or to us, and is not open to
// everybody; it stays when the server closes. It is held open for writing too, so that it outlives its writers.
func (s *Server) OpenFIFO(path string, gid int) error {
	f, err := openFIFO(path, gid)
	if err != nil {
		return fmt.Errorf("open the FIFO: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverOpening || s.fifo != nil {
		f.Close()
		return errors.New("open the FIFO: the control server is already serving, or has one")
	}
	s.fifo = f
	return nil
}

func openFIFO(path string, gid int) (*os.File, error) {
	err := unix.Mkfifo(path, 0o600)
	made := err == nil
	if !made && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("%s: %w", path, err)
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
	if err := checkFIFO(fd, path); err != nil {
		f.Close()
		return nil, err
	}
	if !made {
		return f, nil
	}
	if err := shareFIFO(fd, gid); err != nil {
		// The next start would use it as it is, and nobody else could ever write to it.
		err = errors.Join(err, removeFIFO(fd, path))
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func checkFIFO(fd int, path string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFIFO:
		return fmt.Errorf("%s is there and is not a FIFO: it is left alone; choose another path or remove it", path)
	case st.Uid != 0 && int(st.Uid) != os.Geteuid() && os.Geteuid() != 0:
		return fmt.Errorf("%s belongs to user %d: remove it", path, st.Uid)
	case st.Mode&unix.S_IWOTH != 0:
		return fmt.Errorf("everybody may write to %s, and so publish: chmod 620 it, or remove it", path)
	}
	return nil
}

func shareFIFO(fd, gid int) error {
	if gid >= 0 {
		if err := unix.Fchown(fd, -1, gid); err != nil {
			return fmt.Errorf("give it to group %d: %w", gid, err)
		}
	}
	return unix.Fchmod(fd, fifoMode)
}

// removeFIFO takes the FIFO away, unless something else has its name by now.
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
