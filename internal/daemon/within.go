package daemon

import (
	"context"
	"errors"
	"time"
)

// errHangs is what is known of something that did not return in time.
var errHangs = errors.New("it takes too long; a disk or a network file system seems to hang")

// within calls f in a goroutine of its own, and returns its error, or errHangs when it has not returned before the limit.
// It is then left to itself, so it may touch nothing that its caller goes on to use.
func within(limit time.Duration, f func() error) error {
	returned := make(chan error, 1)
	go func() { returned <- f() }()
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case err := <-returned:
		return err
	case <-late.C:
		return errHangs
	}
}

// turn is a mutex, the wait for which can end. It is made by newTurn.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// Lock implements sync.Locker.
func (t turn) Lock() { t <- struct{}{} }

// Unlock implements sync.Locker.
func (t turn) Unlock() { <-t }

// lockUntil is Lock, and reports whether it was this one's turn before ctx ended.
func (t turn) lockUntil(ctx context.Context) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
