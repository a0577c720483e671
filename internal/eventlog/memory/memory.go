// Package memory has the log of a daemon of its own: an order that lives in the process, and
// numbers without gaps.
//
// It keeps no records: its follower does.
package memory

import (
	"context"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// Options are what a Log needs. All are required.
type Options struct {
	Last sse.ID // where the log goes on: the newest id of its epoch that was given before
	Now  func() time.Time
}

// Log implements eventlog.Log. One step under its lock gives a message its number, its place in the
// history and its place in the inbox of every event loop.
type Log struct {
	// Fixed after creation.
	now    func() time.Time
	closed chan struct{} // closed by Close

	// Fixed after Follow.
	follower eventlog.Follower

	mu sync.Mutex

	// Guarded by mu.
	last     sse.ID
	isClosed bool
}

// New returns a Log that nobody follows yet. An invalid epoch is a bug of the caller, and panics.
func New(o Options) *Log {
	if !sse.ValidEpoch(o.Last.Epoch) {
		panic("memory: internal error: invalid epoch")
	}
	return &Log{now: o.Now, closed: make(chan struct{}), last: o.Last}
}

// Follow implements eventlog.Log.
func (l *Log) Follow(f eventlog.Follower) {
	if l.follower != nil {
		panic("memory: internal error: a log is followed twice")
	}
	l.follower = f
}

// cheapBytes is the longest data of a message that is encoded without asking for room first: that
// costs less than to ask.
const cheapBytes = 4 << 10

// Append implements eventlog.Log. The message is encoded before the lock is taken, and a long one
// not before there is room.
func (l *Log) Append(ctx context.Context, d eventlog.Draft) (*eventlog.Receipt, error) {
	for {
		if d.Bytes() <= cheapBytes || l.follower.HasRoom() {
			receipt, err := l.add(&d, d.Encode())
			if receipt != nil || err != nil {
				return receipt, err
			}
		}
		select {
		case <-l.closed:
			return nil, eventlog.ErrClosed
		default:
		}
		select {
		case <-l.follower.Space():
		case <-l.closed:
		case <-ctx.Done():
			return nil, eventlog.ErrBusy
		}
	}
}

// TryAppend is Append for a message that does not wait: it returns nil if there is no room.
func (l *Log) TryAppend(d eventlog.Draft) (*eventlog.Receipt, error) {
	if d.Bytes() > cheapBytes && !l.follower.HasRoom() {
		return nil, nil //nolint:nilnil // no room is no error: the caller may wait
	}
	return l.add(&d, d.Encode())
}

// add gives a message its place. It returns nil if there is no room.
func (l *Log) add(d *eventlog.Draft, body sse.Draft) (*eventlog.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return nil, eventlog.ErrClosed
	}
	id := sse.ID{Epoch: l.last.Epoch, Seq: l.last.Seq + 1}
	receipt := eventlog.NewReceipt(id)
	if !l.follower.Apply(d.Record(body, id, l.now(), receipt)) {
		return nil, nil //nolint:nilnil // no room is no error: the caller waits
	}
	l.last = id
	return receipt, nil
}

// Position implements eventlog.Log.
func (l *Log) Position() sse.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Close implements eventlog.Log.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isClosed {
		l.isClosed = true
		close(l.closed)
	}
}
