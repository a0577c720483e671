package edge

import (
	"bytes"

	"github.com/hassesd/hassesd/internal/edge/transport"
)

// inputs are HTTP/2 connections whose clients have asked for more at one time than one of them, or
// all together, may have done in a turn. The rest waits here, and the connection is not read
// meanwhile.
type inputs struct {
	waiting []input // in the order of their turns
	spent   int     // of this turn's budget, by connections as they were read
}

// input is what a client has sent that was not looked at yet.
type input struct {
	h    *h2conn
	rest []byte // not more than one read
}

const (
	// inputBudget is how much work one turn does as it reads, and again for what waits, with what is
	// written at once: about 0.3 ms, in http2's units.
	inputBudget = 300
	// workRecord is what it takes to write a small record, in the same units.
	workRecord = 3
)

// receive has a connection take what its client has sent, as far as the budget of this turn allows.
func (q *inputs) receive(h *h2conn, p []byte) {
	if q.spent >= inputBudget {
		q.add(h, bytes.Clone(p))
		return
	}
	rest, cost := q.take(h, p)
	if q.spent += cost; len(rest) > 0 {
		q.add(h, bytes.Clone(rest))
	}
}

// take has a connection take a share of what its client has sent, and returns the rest. cost is the
// work, with the records that are written at once, at least 1.
func (q *inputs) take(h *h2conn, p []byte) (rest []byte, cost int) {
	shared := h.mux.Shared()
	before := shared.Work()
	rest, records := h.take(p)
	return rest, max(1, int(shared.Work()-before)+records*workRecord)
}

// add has a connection continue at the end of this turn or of a later one.
func (q *inputs) add(h *h2conn, rest []byte) {
	h.c.transport.Hold()
	q.waiting = append(q.waiting, input{h, rest})
}

// run lets connections continue, a little each in turn, and reports whether any is left for the next
// turn of the loop.
func (q *inputs) run() (again bool) {
	for budget := inputBudget; budget > 0 && len(q.waiting) > 0; {
		in := q.waiting[0]
		q.waiting[0] = input{}
		q.waiting = q.waiting[1:]
		if in.h.c.transport.State() != transport.Open {
			continue
		}
		rest, cost := q.take(in.h, in.rest)
		if len(rest) > 0 {
			q.add(in.h, rest)
		} else {
			in.h.c.transport.Resume()
		}
		budget -= cost
	}
	q.spent = 0
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return q.waiting != nil
}
