package session

import (
	"context"
	"os/signal"

	"golang.org/x/sys/unix"
)

// UntilSignal returns a context that SIGINT and SIGTERM end, for the commands that have no other
// end. Those signals simply kill the others.
func UntilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
}
