package edge

import (
	"context"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

const (
	// deliverBudget is how many queues one turn may append to: about 1 ms.
	deliverBudget = 16384
	// backlogBytes is how many bytes of events may be taken in before the connection that has
	// waited longest gets its turn. It is half of the default queue bound: together with
	// visitBytes, waiting for the loop alone does not fill a queue. A message that waits for room
	// delays all messages behind it.
	backlogBytes = 128 << 10
)

// endOfTurn is the budgeted second half of a turn: events into queues, queues into records, failed
// connections closed.
func (w *worker) endOfTurn() (again bool) {
	w.figures.begin()
	if w.outdated.Load() && w.outdated.Swap(false) {
		w.reschedule()
	}
	w.fitHotKeys()
	walking := w.walks.run()
	if room := backlogBytes - w.queues.Backlog(w.shard.DeliveredBytes()); room > 0 {
		again = w.shard.Deliver(deliverBudget, room)
	} else {
		again = w.shard.Pending()
	}
	w.settling.run()
	w.queues.Run((*conn).visit)
	again = w.inputs.run() || again
	w.startPosts()
	again = w.queues.Waiting() || again
	again = w.closePending() || walking || again
	w.timings.turn(w.loop.Now())
	w.figures.end()
	return again
}

const (
	// closeBudget is how many connections one turn closes. Each takes 10 to 30 µs, including the
	// kernel's part.
	closeBudget = 64
	// roomsPerClose is how many rooms a stream leaves in the time that it takes to close a
	// connection.
	roomsPerClose = 16
)

// closePending closes connections that have failed, and reports whether some are left for the next
// turn.
func (w *worker) closePending() (again bool) {
	for budget := closeBudget; budget > 0 && len(w.closing) > 0; budget-- {
		last := len(w.closing) - 1
		c := w.closing[last]
		w.closing[last] = nil
		w.closing = w.closing[:last]
		if c.transport.State() != transport.Closed {
			budget -= c.sub.Memberships() / roomsPerClose
			c.transport.Close()
		}
	}
	w.drain.progress()
	return len(w.closing) > 0
}

// reschedule applies a new configuration: deadlines of streams, slots of handshakes, and the kernel
// memory of new connections.
func (w *worker) reschedule() {
	cfg := w.srv.config()
	for _, a := range w.acceptors {
		if cfg.KernelBytes == 0 {
			continue
		}
		if err := a.BoundSend(cfg.KernelBytes); err != nil {
			w.srv.log.Debug("kernel memory of connections not bounded", "err", err)
		}
	}
	w.handshakes.setSlots(cfg)
	w.handshakes.fillSlots()
	if w.following != nil {
		w.following.next = w.subs.Len() // from the beginning
		return
	}
	w.following = w.overSubscribers(func(s *subscriber.Subscriber) int {
		if s.State() != subscriber.Streaming {
			return 0
		}
		streamOf(s).reschedule()
		return timerCost
	})
	w.walks.start(context.Background(), w.following.step, func() { w.following = nil })
}
