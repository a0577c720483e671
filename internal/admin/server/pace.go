package server

import (
	"sync/atomic"
	"time"
)

// Pace bounds how fast one control connection publishes; 0: no bound.
type Pace struct {
	Messages int   // in a second
	Bytes    int64 // in a second
}

// pacer keeps one connection to a Pace. A message is let through when all before it are paid for, and then paid: so one
// that is longer than a second's worth passes too, and those behind it wait. It asks no clock.
type pacer struct {
	paidAt time.Time // when all that was let through is paid for
}

// paceBurst is how much may be let through at once after a rest.
const paceBurst = time.Second

// price is how long a message of that many bytes takes at the pace.
func (p Pace) price(bytes int) time.Duration {
	var d time.Duration
	if p.Messages > 0 {
		d = time.Second / time.Duration(p.Messages)
	}
	if p.Bytes > 0 {
		d = max(d, time.Duration(float64(bytes)/float64(p.Bytes)*float64(time.Second)))
	}
	return d
}

// next is how long a message has to wait. It counts as let through then.
func (r *pacer) next(now time.Time, p Pace, bytes int) time.Duration {
	price := p.price(bytes)
	if price == 0 {
		return 0
	}
	if rested := now.Add(-paceBurst); r.paidAt.Before(rested) {
		r.paidAt = rested
	}
	wait := r.paidAt.Sub(now)
	r.paidAt = r.paidAt.Add(price)
	return max(0, wait)
}

// held counts the waits of publishers.
type held struct {
	messages atomic.Uint64
	nanos    atomic.Int64
}

func (h *held) add(d time.Duration) {
	h.messages.Add(1)
	h.nanos.Add(int64(d))
}
