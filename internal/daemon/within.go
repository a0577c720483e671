package daemon

import (
	"context"
	"errors"
	"time"
)

// errHangs is the error of a function that did not return in time.
var errHangs = errors.New("it takes too long; a disk or a network file system seems to hang")

// within calls f in a goroutine of its own and returns its error, or errHangs if f has not returned
// within the limit. The goroutine then goes on, so f must not touch what its caller goes on to use.
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

// turn is a mutex whose wait can be cancelled. newTurn makes it.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// Lock implements sync.Locker.
func (t turn) Lock() { t <- struct{}{} }

// Unlock implements sync.Locker.
func (t turn) Unlock() { <-t }

// lockUntil is Lock that gives up when ctx ends, and reports whether it has locked.
func (t turn) lockUntil(ctx context.Context) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
