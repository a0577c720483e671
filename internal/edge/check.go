package edge

import (
	"context"
	"errors"

	"github.com/hassesd/hassesd/internal/edge/scheduler"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// Check compares the workers' counters with what they count. It is for tests, and must run while
// the loops turn.
func (s *Server) Check(ctx context.Context) error {
	for _, w := range s.workers {
		var found error
		if err := w.ask(ctx, func() { found = w.check() }); err != nil {
			return err
		}
		if found != nil {
			return found
		}
	}
	return nil
}

func (w *worker) check() error {
	var in [transport.Closed + 1]int
	var scheduled [scheduler.Low + 1]int
	blocked, handedOver := 0, 0
	var occupied occupancy
	for i, c := range w.conns {
		if int(c.slot) != i {
			return errors.New("edge: a connection does not know its slot")
		}
		state := c.transport.State()
		if state == transport.Closed {
			return errors.New("edge: a closed connection is still listed")
		}
		in[state]++
		if c.transport.IsBlocked() {
			blocked++
		}
		if c.transport.IsHandedOver() {
			handedOver++
		}
		p := c.node.Priority()
		scheduled[p]++
		if c.h2 != nil {
			occupied.add(c.transport.IsSecure())
			occupied.move(0, int(c.h2.carries))
			if fault := c.h2.check(); fault != "" {
				return errors.New("edge: " + fault)
			}
		}
		if c.isLive() && !c.sub.Empty() && p == scheduler.None && !c.transport.IsBlocked() {
			return errors.New("edge: a stream has something to send and is not scheduled")
		}
	}
	if handedOver != w.transport.Records.Len() {
		return errors.New("edge: there are keys of connections that are closed")
	}
	for st := range transport.Closed {
		if in[st] != w.transport.InState(st) {
			return errors.New("edge: wrong count of connections in state " + st.String())
		}
	}
	for p := scheduler.High; p <= scheduler.Low; p++ {
		if scheduled[p] != w.queues.Len(p) {
			return errors.New("edge: wrong count of connections that are scheduled")
		}
	}
	if blocked != w.transport.Blocked() {
		return errors.New("edge: wrong count of blocked connections")
	}
	if o := &w.occupancy; o.conns != occupied.conns || o.secure != occupied.secure || o.most != occupied.most {
		return errors.New("edge: wrong count of HTTP/2 connections or of the streams of the fullest one")
	}
	if err := w.subs.Check(); err != nil {
		return err
	}
	return w.shard.Check()
}
