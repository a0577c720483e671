package publish

import (
	"context"
	"time"
)

// lastWait is how long a message may wait for the log once the daemon stops.
const lastWait = 2 * time.Second

// ending is how waits end when the daemon stops.
type ending struct {
	begun context.Context // ends when StopWaiting says so
	begin context.CancelFunc
	over  context.Context // ends when a message has waited in vain since: no other has to
	end   context.CancelFunc
}

func newEnding() (e ending) {
	e.begun, e.begin = context.WithCancel(context.Background())
	e.over, e.end = context.WithCancel(context.Background())
	return e
}

// StopWaiting is called when the daemon stops: from then on, no message waits for the log for longer
// than two seconds, and none at all once one has waited in vain. Such a message is refused for what
// it waited for. No message waits for the pace any more.
func (p *Publisher) StopWaiting() { p.ending.begin() }

// waiting returns a context for a wait for the log that ends with ctx, or because the daemon stops.
// release gives up what it holds.
func (e *ending) waiting(ctx context.Context) (waiting context.Context, release func()) {
	waiting, cancel := context.WithCancel(ctx)
	stopBegun := context.AfterFunc(e.begun, func() {
		select {
		case <-waiting.Done():
		case <-time.After(lastWait):
			e.end()
		}
	})
	stopOver := context.AfterFunc(e.over, cancel)
	return waiting, func() {
		stopBegun()
		stopOver()
		cancel()
	}
}
