package main

import (
	"context"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// untilSignal is a context that SIGINT and SIGTERM end, for the commands that have no other end. The others are
// simply killed by them.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
}

// within asks with a deadline of its own.
func within[T any](ctx context.Context, timeout time.Duration, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return ask(ctx)
}
