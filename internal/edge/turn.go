package edge

import (
	"context"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

const (
	// deliverBudget is how many queues one turn may append to: about 1 ms.
	deliverBudget = 16384
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
	w.posts.answerCounted()
	w.queues.Run((*conn).visit)
	again = w.inputs.run() || again
	w.posts.startBegun()
	again = w.queues.Waiting() || again
	again = w.closePending() || walking || again
	w.timings.turn(w.loop.Now())
	w.figures.end()
	return again
}

const (
	// closeCost is what it costs to close a connection, beside the end of its streams, in the unit of
	// walks: 10 to 30 µs, including the kernel's part.
	closeCost = 160
	// closeBudget bounds the connections and streams that one turn closes: about 60 connections, if they
	// have few rooms.
	closeBudget = 64 * closeCost
)

// closePending closes connections that have failed, and reports whether some are left for the next
// turn. A connection of HTTP/2 stays until all its streams have been ended.
func (w *worker) closePending() (again bool) {
	for budget := closeBudget; budget > 0 && len(w.closing) > 0; {
		last := len(w.closing) - 1
		c := w.closing[last]
		w.closing[last] = nil
		w.closing = w.closing[:last]
		if c.transport.State() == transport.Closed {
			continue
		}
		if c.h2 != nil {
			cost, more := c.h2.endStreams(budget)
			if more {
				w.closing = append(w.closing, c)
				break
			}
			budget -= cost
		}
		budget -= closeCost + roomCost*c.sub.Memberships()
		c.transport.Close()
	}
	if len(w.conns) == 0 && w.whenEmpty != nil {
		w.whenEmpty()
	}
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
