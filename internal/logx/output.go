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
	// logFileMode lets a log group read, and nobody else: addresses of clients are personal data.
	logFileMode = 0o640
	// fileChunk is how much is written to a file of ours at once; sharedChunk is the same for what others may write to as
	// well: so much of ours is not mixed with theirs in a pipe (PIPE_BUF in pipe(7)).
	fileChunk   = 64 << 10
	sharedChunk = 4096
)

var errReopening = errors.New("the log file is still to be opened anew since the last time, as the log is not written")

// output is where the writer of a log writes to, so that the file can change below it.
type output struct {
	path        string // fixed; empty: not a file of ours
	isReopening atomic.Bool

	w io.Writer // owned by the writer

	mu   sync.Mutex // held for a moment, never while writing; guards what follows
	file *os.File   // the same as w when the file is ours; nil otherwise
}

// Write is called by the writer.
func (o *output) Write(p []byte) (int, error) { return o.w.Write(p) }

func (o *output) chunk() int {
	if o.path == "" {
		return sharedChunk
	}
	return fileChunk
}

// reopen has the writer open the file by its name again, and waits for that until ctx ends. It happens after that, too.
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
		return fmt.Errorf("open log file anew, while the log is not written: %w", ctx.Err())
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
