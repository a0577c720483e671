package reactor

import (
	"context"
)

// Post has fn run on the loop, after everything posted before. Any goroutine
// may call it; it does not block. It returns ErrFull when Options.PostLimit
// functions wait, and ErrStopped when the loop has ended. A function that was
// taken is run, even when the loop is being stopped.
func (l *Loop) Post(fn func()) error {
	if _, err := l.posts.put(fn); err != nil {
		return err
	}
	l.Wake()
	return nil
}

// PostWait is Post that waits for room until ctx is done. It must not be called
// on a loop.
func (l *Loop) PostWait(ctx context.Context, fn func()) error {
	for {
		room, err := l.posts.put(fn)
		if err == nil {
			l.Wake()
			return nil
		}
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
