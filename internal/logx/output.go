package logx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	// logFileMode allows only the owner and the group to read: addresses of clients are personal
	// data.
	logFileMode = 0o640
	// fileChunk bounds one write to a log file. sharedChunk bounds one write to a destination that
	// other processes may write to: writes up to that size to a pipe are atomic (PIPE_BUF in
	// pipe(7)).
	fileChunk   = 64 << 10
	sharedChunk = 4096
)

var errReopening = errors.New("the log file has not been reopened since the last request, because the log is stuck")

// output is the destination of a log. Its file can change.
type output struct {
	path        string // fixed; empty: not a log file
	isReopening atomic.Bool

	w io.Writer // owned by the writer

	mu   sync.Mutex // never held while writing; guards the fields below
	file *os.File   // the same as w for a log file; otherwise nil
}

// Write is called by the writer.
func (o *output) Write(p []byte) (int, error) { return o.w.Write(p) }

func (o *output) chunk() int {
	if o.path == "" {
		return sharedChunk
	}
	return fileChunk
}

// reopen makes the writer open the file by name again, and waits for that until ctx ends. The
// writer does so even after ctx has ended.
func (o *output) reopen(ctx context.Context, s *spool) error {
	if o.path == "" {
		return nil
	}
	if o.isReopening.Swap(true) {
		return errReopening
	}
	opened := make(chan error, 1)
	s.call(func() {
		o.isReopening.Store(false)
		opened <- o.swap()
	})
	select {
	case err := <-opened:
		return err
	case <-ctx.Done():
		return fmt.Errorf("reopen the log file while the log is stuck: %w", ctx.Err())
	}
}

// swap is called by the writer.
func (o *output) swap() error {
	next, err := openFile(o.path)
	if err != nil {
		return err
	}
	o.w = next
	o.mu.Lock()
	old := o.file
	o.file = next
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

// close closes the file. Nothing is being written to it.
func (o *output) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// openFile opens a log file for appending. It refuses a symbolic link, whose owner could make root
// append to any file, and anything else that is not a regular file, except /dev/null. O_NONBLOCK
// keeps a named pipe from blocking the start.
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
