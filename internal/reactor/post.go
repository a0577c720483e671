package reactor

import (
	"context"
)

// Post queues fn to run on the loop, after everything posted before. Any goroutine may call it, and
// it does not block. It returns ErrFull while Options.PostLimit functions wait, and ErrStopped
// after the loop has ended. The loop runs every queued function, even when it is being stopped.
func (l *Loop) Post(fn func()) error {
	if _, err := l.posts.put(fn); err != nil {
		return err
	}
	l.Wake()
	return nil
}

// PostWait is Post, but waits for room until ctx is done. It must not be called on a loop.
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
