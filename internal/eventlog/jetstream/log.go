package jetstream

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// Log implements eventlog.Log on a stream of NATS JetStream.
type Log struct {
	state // which its sessions share

	// Fixed after creation.
	closed chan struct{} // closed by Close
	room   *semaphore.Weighted

	brokers brokers // owned by Run

	isClosed bool // guarded by mu
}

var _ eventlog.Log = (*Log)(nil)

// New returns a Log. It does nothing before Run.
func New(o Options) *Log {
	return &Log{
		state: newState(o), closed: make(chan struct{}), room: semaphore.NewWeighted(inFlightBytes),
		brokers: newBrokers(o.Servers),
	}
}

// Follow implements eventlog.Log. It is called before Run.
func (l *Log) Follow(f eventlog.Follower) {
	if l.follower != nil {
		panic("jetstream: internal error: a log is followed twice")
	}
	l.follower = f
}

// Position implements eventlog.Log.
func (l *Log) Position() sse.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.position
}

// Status returns how the log is. It never waits.
func (l *Log) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Figures returns the counters. It never waits.
func (l *Log) Figures() Figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.figures
	f.Appends = append([]uint64(nil), f.Appends...)
	return f
}

// Close implements eventlog.Log: messages that wait for their answer get none. Run goes on.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isClosed {
		l.isClosed = true
		close(l.closed)
	}
}

// Pauses between sessions.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 500 * time.Millisecond
	// calmAfter is how long a session has to last for the pauses to begin anew.
	calmAfter = 10 * time.Second
)

// Run follows the log until ctx ends, and takes up the thread whenever it was lost.
func (l *Log) Run(ctx context.Context) {
	l.mu.Lock()
	l.status.AwaySince = l.o.Now()
	l.mu.Unlock()
	pause := firstPause
	var lost lossWatch
	for ctx.Err() == nil {
		began := l.o.Now()
		err := l.runSession(ctx, &lost)
		if ctx.Err() != nil {
			l.leave(nil)
			return
		}
		l.leave(err)
		if l.o.Now().Sub(began) > calmAfter {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// runSession connects, follows the log until something goes wrong, and returns what.
func (l *Log) runSession(ctx context.Context, lost *lossWatch) error {
	c, err := l.connect(ctx)
	if err != nil {
		*lost = lossWatch{}
		return err
	}
	defer c.nc.Close()
	defer c.cancel(errLookAgain)
	l.connected(c)
	s := &session{conn: c, state: &l.state}
	err = s.run(lost)
	l.brokers.ended(c.url, l.o.Now(), err)
	return err
}

// connect connects to the first of the brokers that takes it.
func (l *Log) connect(ctx context.Context) (*conn, error) {
	var faults []string
	for _, url := range l.brokers.order() {
		c, err := connectTo(ctx, &l.o, url)
		if err == nil {
			return c, nil
		}
		if e, ok := errors.AsType[*ConnectError](err); ok {
			l.mu.Lock()
			l.figures.ConnectFailures[e.Failure]++
			l.mu.Unlock()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		l.brokers.avoid(url, l.o.Now())
		faults = append(faults, url+": "+err.Error())
	}
	return nil, errors.New("connect to a broker: " + strings.Join(faults, "; "))
}

// LookAgain has the stream looked at again, and given the limits that Options.Limits returns now.
func (l *Log) LookAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.cancel(errLookAgain)
	}
}
