package logx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

// logFileMode lets a log group read, and nobody else: addresses of clients are personal data.
const logFileMode = 0o640

// output is where all handlers of a log write to, so that the file can change below them.
type output struct {
	path string // fixed; empty: not a file of ours

	mu   sync.Mutex // guards what follows
	w    io.Writer
	file *os.File // the same as w when the file is ours; nil otherwise
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

func (o *output) reopen() error {
	if o.path == "" {
		return nil
	}
	next, err := openFile(o.path)
	if err != nil {
		return err
	}
	o.mu.Lock()
	old := o.file
	o.w, o.file = next, next
	o.mu.Unlock()
	if err := old.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close rotated log file: %w", err)
	}
	return nil
}

func (o *output) chown(uid, gid int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil || o.path == os.DevNull {
		return nil
	}
	if err := o.file.Chown(uid, gid); err != nil {
		return fmt.Errorf("give away log file: %w", err)
	}
	return nil
}

func (o *output) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// openFile opens a log file for appending. A symbolic link in its place is refused, as its owner could
// have root append to any file; so is what is not a file, but /dev/null. O_NONBLOCK keeps a named pipe from holding
// up the start until it is found out.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, logFileMode)
	if err != nil {
		if errors.Is(err, syscall.ELOOP) {
			return nil, fmt.Errorf("open log file %s: it is a symbolic link, which is not followed", path)
		}
		return nil, fmt.Errorf("open log file: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && path != os.DevNull {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open log file %s: %w", path, err)
	}
	return f, nil
}
