package threads

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// taskDir has a directory for each thread (proc_pid_task(5)).
const taskDir = "/proc/self/task"

// View reads the status of the threads of the process through a descriptor of their directory,
// which still works in a chroot. Its methods may be called from any goroutine.
type View struct{ dir *os.File }

// Open opens a view. Close closes it.
func Open() (*View, error) {
	dir, err := os.OpenFile(taskDir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("look at the threads: %w", err)
	}
	return &View{dir}, nil
}

// Close closes the descriptor.
func (v *View) Close() error { return v.dir.Close() }

// FD returns the descriptor of the directory that Read reads. It is open until Close.
func (v *View) FD() int { return int(v.dir.Fd()) }

// Read returns the status of every thread. It leaves out threads that end meanwhile.
func (v *View) Read() ([]Status, error) {
	dir, err := v.open(".", unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list the threads: %w", err)
	}
	all := make([]Status, 0, len(names))
	for _, name := range names {
		text, err := v.readFile(name + "/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := parseStatus(string(text))
		if err != nil {
			return nil, fmt.Errorf("thread %s: %w", name, err)
		}
		s.ID = name
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("no thread was found below " + taskDir)
	}
	return all, nil
}

func (v *View) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(v.FD(), name, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: taskDir + "/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (v *View) readFile(name string) ([]byte, error) {
	f, err := v.open(name, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

// readAll reads a small file of /proc.
func readAll(f *os.File) ([]byte, error) {
	const most = 16 << 10
	text := make([]byte, most)
	n, err := f.Read(text)
	if err != nil {
		return nil, err
	}
	return text[:n], nil
}
