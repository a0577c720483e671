package publish

import "time"

// Limits bound what sources may publish.
type Limits struct {
	MessageBytes int // the longest data of one message; 0: 64 KiB
	Pace         Pace
}

// defaultMessageBytes is the longest data where Limits have none.
const defaultMessageBytes = 64 << 10

// Pace bounds how fast one source publishes; 0: no bound.
type Pace struct {
	Messages int   // in a second
	Bytes    int64 // of data, in a second
}

// isBound reports whether there is any bound.
func (p Pace) isBound() bool { return p.Messages > 0 || p.Bytes > 0 }

// price returns how long a message of that many bytes takes at the pace.
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

// paceBurst is how much a source may publish at once after a rest.
const paceBurst = time.Second

// pacer keeps one source to a Pace. A message is let through when all before it are paid for, and
// is paid for after that. So a message that is longer than a second's worth passes too, and the
// messages behind it wait. It asks no clock.
type pacer struct {
	paidAt time.Time // when all that was let through is paid for
}

// next returns how long a message has to wait, and counts it as let through after that.
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

// undo takes back a message that next let through. Those behind it keep their time, and the next to
// come gets what it leaves.
func (r *pacer) undo(p Pace, bytes int) { r.paidAt = r.paidAt.Add(-p.price(bytes)) }
